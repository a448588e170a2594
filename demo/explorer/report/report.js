// The page of a report, after what `offline_page.py` gives it. All that a reader or a bundle wrote becomes textContent, never HTML.
(async () => {
  const make = (tag, options = {}, children = []) => {
    const { className, text, attributes = {}, style = {}, click } = options;
    const node = document.createElement(tag);
    if (className) node.className = className;
    if (text !== undefined && text !== null) node.textContent = text;
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    for (const [name, value] of Object.entries(style)) node.style.setProperty(name, value);
    if (click) node.addEventListener("click", click);
    node.append(...children);
    return node;
  };
  const quiet = (text) => make("p", { className: "quiet", text });
  const bdi = (text) => make("bdi", { text });
  const data = (name) => [...document.querySelectorAll(`script.${name}`)].map((one) => one.textContent);
  const unpack = async (text) => JSON.parse(await unpacked(text));
  const whole = (number) => number.toLocaleString("en");
  const counted = (number, thing) => `${whole(number)} ${thing}${number === 1 ? "" : "s"}`;
  const percent = (share) => {
    if (share < 0.0005) return "<0.1%";
    return share >= 0.9995 ? ">99.9%" : `${(100 * share).toFixed(1)}%`;
  };
  const signed = (number, digits = 2) => `${number < 0 ? "−" : "+"}${Math.abs(number).toFixed(digits)}`;
  const largest = (numbers) => Math.max(1e-9, ...numbers.map((one) => Math.abs(one ?? 0)));

  const about = JSON.parse(data("about")[0]);
  const chunks = data("rows");
  const opened = new Map();
  const texts = (await unpack(data("list")[0])).map(
    ([row, predicted, value, label, error, marks, text], place) =>
      ({ place, row, predicted, value, label, error, marks, text }));
  const { summary, asked } = about;
  const number = about.problem_type === "regression";
  const unit = number ? "the number" : "log-odds";

  // A text's whole result, unpacked with its neighbours when it is first asked for.
  const result = async (place) => {
    const chunk = Math.floor(place / about.group);
    if (!opened.has(chunk)) opened.set(chunk, unpack(chunks[chunk]));
    return (await opened.get(chunk))[place % about.group];
  };

  // Tables and bars
  const bars = (rows, most, kind) => make("ol", { className: "bars" }, rows.map(({ text, size, value }) =>
    make("li", {}, [
      make("span", { className: `ink ${kind}`, style: { width: `${(100 * Math.abs(size)) / most}%` } }),
      bdi(text), make("span", { className: "value", text: value })])));
  const table = (className, heads, rows) => make("div", { className: "scrolls", attributes: { tabindex: 0, role: "group", "aria-label": `Table: ${heads[0]}` } }, [
    make("table", { className }, [
      make("thead", {}, [make("tr", {}, heads.map((text) => make("th", { text, attributes: { scope: "col" } })))]),
      make("tbody", {}, rows)])]);
  const rowHead = (text) => make("th", { attributes: { scope: "row" } }, [bdi(text)]);
  const grid = (effects, sizes) => {
    const most = largest(effects.flat());
    const cell = (effect, layer, head) => {
      const text = effect === null ? "" : sizes ? sizes[layer][head].toFixed(2) : signed(effect);
      const className = `signed${effect < 0 ? " minus" : ""}`;
      const title = `layer ${layer + 1}, head ${head + 1}: ${effect === null ? "not tried" : signed(effect, 3)}`;
      return make("td", { className, text, attributes: { title }, style: { "--ink": Math.abs(effect ?? 0) / most } });
    };
    return table("grid", ["layer", ...effects[0].map((_, head) => `${head + 1}`)], effects.map((row, layer) =>
      make("tr", {}, [rowHead(`${layer + 1}`), ...row.map((effect, head) => cell(effect, layer, head))])));
  };

  // What all texts come to
  const judged = () => {
    if (!summary.judged) return [];
    const agreed = Math.round((1 - summary.mean_error) * summary.judged);
    const found = number ? `${summary.mean_error.toFixed(3)} from the number given, on average`
      : `The model agrees with the given label in ${whole(agreed)} of ${counted(summary.judged, "text")}, ${(100 * agreed / summary.judged).toFixed(1)}%`;
    return [make("p", { className: "first", text: number ? `The model is ${found}.` : `${found}.` })];
  };
  const confusion = () => {
    if (!summary.confusion.length) return [];
    const show = (label, predicted) => { filters.label.value = label; filters.predicted.value = predicted; filters.wrong.checked = false; showFirst(); };
    const rows = summary.confusion.map(({ label, known, predicted }) => make("tr", {}, [
      rowHead(known ? label : `${label} (not one of the model's)`),
      ...predicted.map((count, place) => make("td", { className: label === about.labels[place] ? "right" : "" }, [
        make("button", { text: whole(count), attributes: { type: "button", "aria-label": `${label} taken for ${about.labels[place]}: ${count}` },
          click: () => show(label, about.labels[place]) })]))]));
    return [make("h2", { text: "Given labels and the model's" }),
      quiet("A row for each label given, a column for each class of the model. A number shows its texts."),
      table("confusion", ["given \\ model", ...about.labels], rows)];
  };
  const words = () => {
    if (!asked.words || !summary.words.some((one) => one.for.length + one.against.length)) return [];
    const list = (title, kind, found, most) => make("div", {}, [make("h3", { text: title }),
      bars(found.map(({ text, sum, mean, texts }) =>
        ({ text, size: sum, value: `${signed(sum, 1)} · ${signed(mean)} × ${texts}` })), most, kind)]);
    return [make("h2", { text: "Words that matter most" }),
      quiet(`The sum of a word's effects on ${unit} of the class that the model gives, over all such texts; beside it their mean, and how often.`),
      ...summary.words.map((one) => {
        const most = largest([...one.for, ...one.against].map(({ sum }) => sum));
        return make("div", { className: "columns" }, [
          list(`For ${one.label}`, "", one.for, most), list(`Against ${one.label}`, "minus", one.against, most)]);
      })];
  };
  const heads = () => {
    if (!summary.heads) return [];
    const found = summary.heads.size.flatMap((row, layer) => row.map((size, head) =>
      ({ text: `layer ${layer + 1}, head ${head + 1}`, size, value: `${size.toFixed(3)} · ${signed(summary.heads.mean[layer][head], 3)}` })));
    found.sort((one, other) => other.size - one.size);
    return [make("h2", { text: "Heads that matter most" }),
      quiet(`What ablating each head takes from ${unit} of the class: the mean of the sizes over all texts; colours, and behind the dot, say the mean with its sign.`),
      make("div", { className: "columns" }, [grid(summary.heads.mean, summary.heads.size), bars(found.slice(0, 10), largest(found.map(({ size }) => size)), "plain")])];
  };
  const trust = (rows) => table("trust", ["words ranked by", "comprehensiveness: percentile", "sufficiency: percentile"],
    rows.map(([method, removed, kept]) => make("tr", {}, [rowHead(method),
      ...[removed, kept].map((share) => make("td", { className: "number", text: `${(100 * share).toFixed(0)}%` }))])));
  const faithfulness = () => {
    const rows = Object.entries(summary.faithfulness).map(([method, means]) => [method, ...means]);
    return rows.length ? [make("h2", { text: "How far to trust each ranking of words" }),
      quiet("The mean share of random orders of the same words that each is better than; chance is 50%."),
      ...(about.for_want_of_maps ? [quiet(about.for_want_of_maps)] : []), trust(rows)] : [];
  };
  const skipped = () => about.skipped.count ? [make("details", {}, [
    make("summary", { text: `${counted(about.skipped.count, "row")} left out` }),
    make("ul", {}, about.skipped.first.map((text) => make("li", {}, [bdi(text)]))),
    ...(about.skipped.count > about.skipped.first.length ? [quiet("All of them stand in skipped.jsonl.")] : [])])] : [];

  // One text
  const chip = (word, most) => {
    const { text, effect, log_odds: size, attention, disagreement } = word;
    const title = effect === null ? "not tried" : `${signed(size, 3)} on ${unit}${number ? "" : `, ${signed(100 * effect, 1)} points`}; ${percent(attention)} of attention`;
    return make("span", { className: `chip signed${size < 0 ? " minus" : ""}${disagreement ? " disagrees" : ""}`,
      attributes: { title }, style: { "--ink": Math.abs(size ?? 0) / most } }, [
      bdi(text), make("small", { text: [size === null ? "·" : signed(size), disagreement].filter(Boolean).join(" ") }),
      make("span", { className: "share", style: { width: `${100 * attention}%` } })]);
  };
  const details = (found) => {
    const parts = [make("p", { className: "whole" }, [bdi(found.text)])];
    if (found.text_pair) parts.push(make("h3", { text: "Second text" }), make("p", { className: "whole" }, [bdi(found.text_pair)]));
    if (found.tokens_left_out) parts.push(quiet(`${counted(found.tokens_left_out, "token")} at the end had no room and were not read.`));
    if (found.probabilities) {
      const likely = Object.entries(found.probabilities).sort((one, other) => other[1] - one[1]).slice(0, 8);
      parts.push(bars(likely.map(([text, share]) => ({ text, size: share, value: percent(share) })), 1, "plain"));
    }
    if (found.words?.length) {
      const most = largest(found.words.map((word) => word.log_odds));
      parts.push(make("h3", { text: `What each word does to ${number ? "the number" : found.predicted}` }),
        quiet(`Numbers: what goes with the word, of ${unit}. The line below a word: the attention of [CLS] in the last layer that has maps. A frame: the two disagree.`),
        make("div", { className: "chips" }, found.words.map((word) => chip(word, most))));
      const strongest = found.words.filter((word) => word.log_odds !== null)
        .sort((one, other) => Math.abs(other.log_odds) - Math.abs(one.log_odds)).slice(0, 10);
      parts.push(make("div", { className: "columns" }, [["For it", "", 1], ["Against it", "minus", -1]].map(([title, kind, sign]) =>
        make("div", {}, [make("h3", { text: title }), bars(strongest.filter((word) => sign * word.log_odds > 0)
          .map(({ text, log_odds: size }) => ({ text, size, value: signed(size) })), most, kind)]))));
    }
    if (found.heads) parts.push(make("h3", { text: "What each head does to it" }), grid(found.heads.log_odds));
    if (found.faithfulness) parts.push(make("h3", { text: "How far to trust each ranking" }),
      trust(found.faithfulness.map((one) => [one.method, one.comprehensiveness_percentile, one.sufficiency_percentile])));
    if (found.figure) parts.push(make("img", { attributes: { src: found.figure, alt: "The map of the head whose words look most firmly at other words", loading: "lazy" } }));
    return parts;
  };

  // The list
  const PAGE = 50;
  const sorting = { by: "row", up: true };
  let start = 0;
  const control = (name, node, className = "") => make("label", { className }, className ? [node, make("span", { text: name })] : [make("span", { text: name }), node]);
  const input = (type, attributes = {}) => make("input", { attributes: { type, ...attributes } });
  const choice = (values) => make("select", {}, [make("option", { text: "all", attributes: { value: "" } }),
    ...values.map((value) => make("option", { text: value, attributes: { value } }))]);
  const labels = [...new Set(texts.map(({ label }) => label).filter((label) => label !== null))].sort();
  const filters = {
    predicted: choice(about.labels),
    label: choice(number ? [] : labels.slice(0, 200)),
    wrong: input("checkbox"),
    least: input("number", number ? { step: "any" } : { min: 0, max: 100, step: "any", placeholder: "0" }),
    most: input("number", number ? { step: "any" } : { min: 0, max: 100, step: "any", placeholder: "100" }),
    marks: input("number", { min: 0, step: 1, placeholder: "0" }),
  };
  const kept = () => {
    const bound = (node, otherwise) => (node.value === "" ? otherwise : Number(node.value) / (number ? 1 : 100));
    const [least, most, marks] = [bound(filters.least, -Infinity), bound(filters.most, Infinity), Number(filters.marks.value)];
    const found = texts.filter((one) =>
      (!filters.predicted.value || one.predicted === filters.predicted.value) &&
      (!filters.label.value || one.label === filters.label.value) &&
      (!filters.wrong.checked || one.error === true) && one.value >= least && one.value <= most && (one.marks ?? 0) >= marks);
    const rank = (value) => value ?? (sorting.by === "label" ? "" : -Infinity); // what is missing comes first
    const compare = (one, other) => {
      const [a, b] = [rank(one[sorting.by]), rank(other[sorting.by])];
      return (a === b ? 0 : a < b === sorting.up ? -1 : 1) || one.place - other.place;
    };
    return found.sort(compare);
  };
  const columns = [
    ["row", "Row"], ["text", "Text"],
    ...(number ? [["value", "Number"]] : [["predicted", "Class"], ["value", "Confidence"]]),
    ...(labels.length ? [["label", "Given"]] : []),
    ...(summary.judged ? [["error", "Error"]] : []),
    ...(asked.words ? [["marks", "Disagreement"]] : [])];
  const shown = (one, key) => {
    if (key === "value") return number ? one.value.toFixed(3) : percent(one.value);
    if (key === "error") return typeof one.error === "boolean" ? (one.error ? "wrong" : "") : one.error?.toFixed(3) ?? "";
    if (key === "marks") return counted(one.marks, "word");
    return `${one[key] ?? ""}`;
  };
  const status = make("p", { className: "quiet", attributes: { role: "status" } });
  const body = make("tbody");
  const open = async (button, row, one) => {
    const isOpen = button.getAttribute("aria-expanded") === "true";
    button.setAttribute("aria-expanded", `${!isOpen}`);
    if (isOpen) return row.nextElementSibling?.remove();
    const found = details(await result(one.place));
    if (button.getAttribute("aria-expanded") === "true" && !row.nextElementSibling?.classList.contains("details"))
      row.after(make("tr", { className: "details" }, [make("td", { attributes: { colspan: columns.length } }, found)]));
  };
  const line = (one) => {
    const row = make("tr");
    row.append(...columns.map(([key, name]) => {
      const className = `${["row", "value", "marks"].includes(key) ? "number" : ""}${key === "error" && one.error === true ? " wrong" : ""}`;
      if (key !== "text") return make("td", { className, attributes: { "data-name": name } }, [bdi(shown(one, key))]);
      const button = make("button", { className: "open", attributes: { type: "button", "aria-expanded": "false" } }, [bdi(one.text)]);
      button.addEventListener("click", () => open(button, row, one));
      return make("td", {}, [button]);
    }));
    return row;
  };
  const headings = columns.map(([key, name]) => make("th", { attributes: { scope: "col" } }, [
    make("button", { text: name, attributes: { type: "button" }, click: () => {
      Object.assign(sorting, { by: key, up: sorting.by === key ? !sorting.up : !["marks", "error"].includes(key) });
      showFirst();
    } })]));
  const turn = (text, step) => make("button", { text, attributes: { type: "button" }, click: () => { start += step * PAGE; show(); } });
  const [back, next] = [turn("Previous", -1), turn("Next", 1)];
  const show = () => {
    const found = kept();
    start = Math.max(0, Math.min(start, Math.floor(Math.max(0, found.length - 1) / PAGE) * PAGE));
    const end = Math.min(start + PAGE, found.length);
    body.replaceChildren(...found.slice(start, end).map(line));
    status.textContent = `${counted(found.length, "text")} of ${whole(texts.length)}${found.length ? `; ${whole(start + 1)} to ${whole(end)} are shown` : ""}`;
    [back.disabled, next.disabled] = [start === 0, end >= found.length];
    back.parentNode.hidden = found.length <= PAGE;
    headings.forEach((heading, place) => {
      if (columns[place][0] === sorting.by) heading.setAttribute("aria-sort", sorting.up ? "ascending" : "descending");
      else heading.removeAttribute("aria-sort");
    });
  };
  const showFirst = () => { start = 0; show(); };
  const controls = make("form", { className: "controls" }, [
    ...(number ? [] : [control("Class", filters.predicted)]),
    ...(!number && labels.length ? [control("Given label", filters.label)] : []),
    control(number ? "Number from" : "Confidence from, %", filters.least), control("up to", filters.most),
    ...(asked.words ? [control("Words that disagree, at least", filters.marks)] : []),
    ...(!number && summary.judged ? [control("Only errors", filters.wrong, "switch")] : []),
    make("button", { text: "Show all", attributes: { type: "reset" } })]);
  controls.addEventListener("submit", (event) => event.preventDefault());
  controls.addEventListener("input", showFirst);
  controls.addEventListener("reset", () => setTimeout(showFirst));

  const list = make("section", {}, [make("h2", { text: "Texts" }), controls, status,
    ...(texts.length < summary.texts ? [quiet(`Only the first ${whole(texts.length)} of ${whole(summary.texts)} texts are listed here; the tables have all.`)] : []),
    make("table", { className: "texts" }, [make("thead", {}, [make("tr", {}, headings)]), body]),
    make("div", { className: "turn" }, [back, next])]);
  document.title = `${about.input} · ${about.title}`;
  document.getElementById("report").replaceChildren(
    make("header", {}, [make("h1", {}, [bdi(about.title)]), make("p", {}, [bdi(`${counted(summary.texts, "text")} from ${about.input}`)]), quiet(about.how)]),
    ...judged(), ...(summary.cut ? [quiet(`${counted(summary.cut, "text")} had more tokens than the model reads.`)] : []), ...skipped(),
    ...(number ? [] : [make("h2", { text: "What the model says" }), bars(about.labels.map((text) => ({ text, size: summary.predicted[text], value: whole(summary.predicted[text]) })), Math.max(1, summary.texts), "plain")]),
    ...confusion(), ...words(), ...heads(), ...faithfulness(), list);
  show();
})();
