// The text that grows. The chosen token shows its candidates, and where it looked.
let shown = null;
let chosen = null; // null follows the newest token while the text grows

const targets = () => [...root.querySelectorAll(".target-chips .chip")];
const keys = () => [...root.querySelectorAll(".key-chips .chip")];

const paint = (query) => {
  const row = shown.row(query);
  ink(keys(), shown.key_tokens, row.shares);
  targets().forEach((chip, index) => chip.classList.toggle("query", index === query));
  return row;
};

const candidateBars = (token) =>
  token.candidates.map(({ text, share, chosen: taken }) =>
    make("li", { className: taken ? "bar taken" : "bar" }, [
      make("span", { className: "bar-label" }, [make("bdi", { text })]),
      make("span", { className: "bar-value", text: percent(share) }),
      make("span", { className: "bar-ink", style: { width: `${100 * share}%` } }),
    ]),
  );

const showToken = (query) => {
  const token = shown.tokens[query];
  const row = paint(query);
  press(targets(), query);
  root.querySelector(".looks-at").replaceChildren(...looksAt(token, shown.key_tokens, row));
  root.querySelector(".chance").replaceChildren(
    make("strong", {}, [make("bdi", { text: nameOf(token) })]),
    ` had a probability of ${percent(token.probability)}; the choice was open by ${token.entropy.toFixed(1)} bits. The likeliest ten:`,
  );
  root.querySelector(".bars").replaceChildren(...candidateBars(token));
};

const choose = (query) => {
  chosen = query;
  shown.current = query;
  showToken(query);
};

const strip = (className, label, tokens) =>
  make("div", { className: `chips ${className}`, attributes: { role: "group", "aria-label": label } }, tokens);

const drawAll = () => {
  const source = shown.looks_at === "source";
  const where = source ? "The source" : "What was there before each token";
  root.replaceChildren(
    make("h2", { text: "The text" }),
    make("p", { className: "output", attributes: { "aria-live": shown.busy ? "off" : "polite" } }, [make("bdi", { text: shown.text })]),
    make("p", { className: "hint", text: `${shown.state} · ${shown.name} · choose a token to see its candidates and where it looked` }),
    strip("target-chips", "Written tokens", shown.tokens.map((token, index) => chipFor(token, !shown.queries.includes(index)))),
    make("p", { className: "hint", text: where }),
    strip("key-chips", where, shown.key_tokens.map((token, index) => chipFor(token, !shown.keys.includes(index), "span"))),
    make("p", { className: "looks-at", attributes: { "aria-live": shown.busy ? "off" : "polite" } }),
    make("p", { className: "chance" }),
    make("ol", { className: "bars" }),
  );
};

followChips(".target-chips", { choose, paint, leave: () => shown?.current !== undefined && paint(shown.current) });

const update = () => {
  const value = props.value;
  if (!value) {
    shown = null;
    root.replaceChildren(make("p", { className: "hint", text: "Nothing is written yet." }));
    return;
  }
  if (!shown || shown.writing !== value.writing || (value.busy && !shown.busy)) chosen = null;
  shown = { ...value, row: unpack(value, value.key_tokens.length) };
  if (value.chosen !== null) chosen = value.chosen;
  drawAll();
  const newest = value.queries[value.queries.length - 1];
  shown.current = value.queries.includes(chosen) ? chosen : newest;
  if (shown.current === undefined) return;
  showToken(shown.current);
  reveal(root.querySelector(".target-chips"));
};
watch("value", update);
update();
