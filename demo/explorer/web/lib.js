// What the page's widgets share. A widget is given it as `library`, and takes from it what it needs.
window.attentionExplorer = ({ element, props, watch }) => {
  const { make, bdi, hint, sized, percent, rove, chipStrip, nameOf, chipFor, ink, press, reveal, one, has, less, together, toggled, layerOf } = window.attentionMaps;
  const root = element.querySelector(".widget");
  const kind = () => element.closest('[class*="-widget"]')?.className.match(/(\w+)-widget/)[1];
  // Calls draw with each new value, and with the one that is already there. One that lacks what is
  // needed empties the widget. What an analysis found can be saved.
  const show = (draw, needed) => {
    const update = () => {
      if (!props.value) return;
      if (needed && !props.value[needed]) return root.replaceChildren();
      draw(props.value);
      if (root.firstChild) root.append(...window.attentionTables.buttons(kind(), props.value));
    };
    watch("value", update);
    update();
  };
  // Numbers with a sign, as ink of two colours; the sign is always written too, for those who do not
  // tell the colours apart.
  const signed = (value, digits) => (value ? `${value < 0 ? "−" : "+"}${sized(Math.abs(value), digits)}` : "0");
  const points = (share, digits = 1) => signed(100 * share, digits);
  // Full ink is `top`, the largest size of what is shown together.
  const signedInk = (node, value, top) => {
    node.classList.add("signed");
    node.classList.toggle("minus", value < 0);
    node.style.setProperty("--ink-share", Math.sqrt(Math.abs(value) / Math.max(top, 1e-9)).toFixed(3));
    return node;
  };
  const largest = (values) => Math.max(...values.map(Math.abs), 1e-9);
  // Of probabilities' natural logarithms.
  const nats = (effect) => signed(effect, 2);

  // What an effect on a class or a number is told in: log-odds, and points of probability beside them.
  // A sure answer hardly moves in points, so signs, ink and order go by log-odds. A regression's
  // number has none: its effects stand in its own units.
  const mainOf = ({ effect, log_odds_effect }) => log_odds_effect ?? effect;
  const short = (given) => signed(mainOf(given), 2);
  const inPoints = ({ effect, log_odds_effect }) => (log_odds_effect === null ? "" : `${points(effect)} points`);
  const amount = (given) => (given.log_odds_effect === null ? short(given) : `${short(given)} log-odds (${inPoints(given)})`);
  // Next to nothing never gets full ink: `least` is the size from which an effect counts.
  const fullInk = (all, least) => Math.max(largest(all.filter(({ effect }) => effect !== null).map(mainOf)), least);
  // The lists of both kinds as one of effects; the log-odds are null for a regression.
  const paired = (effects, logOdds) => effects.map((effect, index) => ({ effect, log_odds_effect: logOdds ? logOdds[index] : null }));

  // The answer that effects are on: a class with its log-odds and probability, or a number.
  const askedAbout = ({ label, rather_than, about, log_odds }) => {
    const named = rather_than ? `${label} rather than ${rather_than}` : label;
    if (!about) return named;
    return log_odds === null ? `the ${named} ${about}` : `${named} ${about}`;
  };
  const theNumber = (given) => (given.about ? askedAbout(given) : `the number ${given.label}`);
  const wholeOf = (given) => {
    const { whole, log_odds, rather_than } = given;
    if (log_odds === null) return `${theNumber(given)} (${whole.toFixed(2)})`;
    return `the log-odds of ${askedAbout(given)} (${signed(log_odds, 2)}; ${percent(whole)}${rather_than ? " of the two" : ""})`;
  };
  // What less than counts is, in words.
  const lessThanCounts = (given) =>
    given.log_odds === null ? `${theNumber(given)} moves by less than a hundredth of itself` : `the log-odds of ${askedAbout(given)} move by less than ${given.least}`;

  // Words with what they did: a sign and a number on each, ink of two colours behind it.
  const effectChip = (text, given, top, children = []) => {
    const told = given.effect === null ? [] : [make("small", { className: "amount", text: short(given) })];
    if (given.effect !== null && given.log_odds_effect !== null) told.push(make("small", { className: "points", text: `(${points(given.effect)})` }));
    const chip = make("span", { className: "chip effect" }, [bdi(text), ...told, ...children]);
    return given.effect === null ? chip : signedInk(chip, mainOf(given), top);
  };

  // A share with its name, as a bar; a number that is no share has no ink.
  const bar = (className, label, text, share, attributes = {}) =>
    make("li", { className, attributes }, [
      make("span", { className: "bar-label" }, [bdi(label)]),
      make("span", { className: "bar-value", text }),
      ...(share === undefined ? [] : [make("span", { className: "bar-ink", style: { width: `${100 * share}%` } })]),
    ]);
  // An answer's classes as bars, the likeliest first and large.
  const answerBars = ({ bars }) =>
    make("ol", { className: "bars" }, bars.map(({ label, text, share }, place) => bar(place ? "bar" : "bar first", label, text, share)));

  const followChips = (selector, handlers) => window.attentionMaps.followChips(root, selector, handlers);

  // A clean sentence with the places that were corrupted: how, and once it is known whether they are
  // restored, with a mark for it.
  const cleanSentence = ({ sentence, pieces }) => {
    const piece = ({ text, kind, restored }) => {
      if (!kind) return text;
      const [state, said] = restored === undefined ? ["", kind] : restored ? ["restored", `✓ ${kind}, restored`] : ["wrong", `✗ ${kind}, not restored`];
      return make("span", { className: `slip ${state}` }, [bdi(text), " ", make("small", { text: said })]);
    };
    return [hint(sentence), ...(pieces.length ? [make("p", { className: "clean" }, pieces.map(piece))] : [])];
  };

  // A table that is wider than its place scrolls there, and says so.
  const scrollBox = (label, table) => {
    const attributes = { tabindex: "0", role: "region", "aria-label": label };
    const box = make("div", { className: "scrolls", attributes }, [table]);
    const more = hint("More columns to the right: scroll.");
    const look = () => {
      more.hidden = box.scrollWidth <= box.clientWidth + 1;
      box.classList.toggle("cut", box.scrollLeft + box.clientWidth < box.scrollWidth - 1);
    };
    box.addEventListener("scroll", look);
    new ResizeObserver(look).observe(box);
    return make("div", { className: "scroll-box" }, [box, more]);
  };
  // One with names: of its columns, and of each row before its cells.
  const namedTable = (label, columns, rows, caption = []) => {
    const name = (text, scope) => make("th", { attributes: { scope } }, [bdi(text)]);
    const head = make("tr", {}, [make("td"), ...columns.map((text) => name(text, "col"))]);
    const body = rows.map(([text, cells]) => make("tr", {}, [name(text, "row"), ...cells]));
    return scrollBox(label, make("table", { className: "effects" }, [...caption, head, ...body]));
  };

  // A grid of heads, a row for each layer: cells of signed ink, walked with the arrow keys.
  const headGrid = (label, rows, names) => {
    const axis = (text) => make("span", { className: "axis", text });
    const box = make("div", {
      className: "head-grid",
      attributes: { role: "group", "aria-label": label, "data-columns": names.length },
      style: { "--columns": names.length },
    });
    box.append(axis(""), ...names.map(axis));
    rows.forEach((cells, layer) => box.append(axis(layer + 1), ...cells));
    const first = box.querySelector(".cell");
    if (first) first.tabIndex = 0;
    return box;
  };
  // `effect` is null where nothing was measured.
  const headCell = ({ layer, head, effect, top, text, name }) => {
    const cell = make("button", {
      className: effect === null ? "cell" : "cell measured",
      text,
      attributes: { type: "button", title: name, "aria-label": name, tabindex: "-1", "data-layer": layer, "data-head": head },
    });
    return effect === null ? cell : signedInk(cell, effect, top);
  };
  // What stands in a cell: nothing where its ink is next to none, no more than it has room for.
  const cellText = (effect, top) => {
    const digits = top < 0.95 ? 2 : 1;
    const seen = effect !== null && Math.abs(effect) >= Math.max(top / 20, 0.5 * 10 ** -digits);
    return seen ? signed(effect, digits).replace(/^(.)0\./, "$1.") : "";
  };
  const place = ({ dataset }) => [Number(dataset.layer), dataset.head === "all" ? "all" : Number(dataset.head)];

  // Mouse and keyboard on the cells.
  const followCells = (choose) => {
    root.addEventListener("click", ({ target }) => {
      const cell = target.closest(".cell");
      if (cell) choose(cell);
    });
    root.addEventListener("keydown", (event) => {
      const grid = event.target.closest(".head-grid");
      const columns = Number(grid?.dataset.columns);
      const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns }[event.key];
      if (!step || !event.target.matches(".cell")) return;
      event.preventDefault();
      const cells = [...grid.querySelectorAll(".cell")];
      const index = cells.indexOf(event.target);
      if (cells[index + step]) rove(cells, index, step);
    });
  };

  // The heads that are ablated, as this page knows them: pairs of layer and head, from 1.
  const equal = (heads, others) => heads.length === others.length && !less(heads, others).length;
  // Of quick clicks the last counts: those of one moment are sent as one, since two requests may
  // reach the server in any order; and until its answer is there, answers to earlier ones are passed
  // over, but not for ever.
  let sent = null;
  let sending;
  const soon = (send, without) => {
    sent = { without, until: Date.now() + 5000 };
    clearTimeout(sending);
    sending = setTimeout(() => send({ without }), 30);
  };
  const forgetSent = () => (sent = null);
  const isOld = (without) => {
    const old = sent && Date.now() < sent.until && !equal(without, sent.without);
    if (!old) sent = null;
    return old;
  };

  return {
    make, bdi, hint, sized, percent, root, show, rove, chipStrip, signed, points, signedInk, largest, nats,
    mainOf, short, inPoints, amount, fullInk, paired, askedAbout, wholeOf, lessThanCounts, effectChip,
    bar, answerBars, nameOf, chipFor, ink, press, reveal, followChips, cleanSentence,
    scrollBox, namedTable, headGrid, headCell, cellText, place, followCells, one, has, less, together, equal,
    toggled, layerOf, soon, forgetSent, isOld,
  };
};
