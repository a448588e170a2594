// What the page's widgets share. A widget is given it as `library`, and takes from it what it needs.
window.attentionExplorer = ({ element, props, watch }) => {
  // Builds elements from data. A reader's text only ever becomes textContent or an attribute's
  // value, never HTML, so nothing in it can run.
  const make = (tag, options = {}, children = []) => {
    const { className, text, attributes = {}, style = {} } = options;
    const node = document.createElement(tag);
    if (className) node.className = className;
    if (text !== undefined) node.textContent = text;
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    for (const [name, value] of Object.entries(style)) node.style.setProperty(name, value);
    node.append(...children);
    return node;
  };
  const bdi = (text) => make("bdi", { text });
  const hint = (text) => make("p", { className: "hint", text });
  // A size with so many digits: what they cannot show is "<0.1", and only nothing is 0.
  const sized = (size, digits) => {
    const text = size.toFixed(digits);
    return size > 0 && !Number(text) ? `<${(10 ** -digits).toFixed(digits)}` : text;
  };
  // Nor is anything but all of it 100 %.
  const percent = (share) => {
    if (share > 0.9995 && share < 1) return ">99.9 %";
    return `${sized(100 * share, share < 0.0995 || (share > 0.995 && share < 1) ? 1 : 0)} %`;
  };
  const root = element.querySelector(".widget");
  // Calls draw with each new value, and with the one that is already there. One that lacks what is
  // needed empties the widget.
  const show = (draw, needed) => {
    const update = () => props.value && (needed && !props.value[needed] ? root.replaceChildren() : draw(props.value));
    watch("value", update);
    update();
  };
  // Arrow keys move among buttons, of which only one is a tab stop.
  const rove = (buttons, index, step) => {
    const target = buttons[Math.min(Math.max(index + step, 0), buttons.length - 1)];
    buttons.forEach((button) => (button.tabIndex = button === target ? 0 : -1));
    target.focus();
  };
  // Chips in a strip, which readers of a screen hear by its label.
  const chipStrip = (label, chips = [], { className = "", ...attributes } = {}) =>
    make("div", { className: `chips ${className}`.trim(), attributes: { role: "group", "aria-label": label, ...attributes } }, chips);

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
  const askedAbout = ({ label, rather_than }) => (rather_than ? `${label} rather than ${rather_than}` : label);
  const wholeOf = (given) => {
    const { whole, log_odds, rather_than } = given;
    if (log_odds === null) return `the number ${given.label} (${whole.toFixed(2)})`;
    return `the log-odds of ${askedAbout(given)} (${signed(log_odds, 2)}; ${percent(whole)}${rather_than ? " of the two" : ""})`;
  };
  // What less than counts is, in words.
  const lessThanCounts = (given) =>
    given.log_odds === null ? `the number ${given.label} moves by less than a hundredth of itself` : `the log-odds of ${askedAbout(given)} move by less than ${given.least}`;

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

  // The shares that a query gives to each of `count` keys; null where one is hidden.
  const unpack = (value, count) => {
    const bytes = Uint8Array.from(atob(value.rows), (character) => character.charCodeAt(0));
    const view = new DataView(bytes.buffer);
    return (query) => {
      const row = value.queries.indexOf(query);
      const shares = Array(count).fill(null);
      if (row < 0) return { shares, removed: 0 };
      value.keys.forEach((index, column) => {
        const packed = view.getUint16(2 * (row * value.keys.length + column), true);
        shares[index] = (value.tops[row] * packed) / 65535;
      });
      return { shares, removed: value.removed[row], maximum: value.maximum };
    };
  };

  const nameOf = (token) => (token.special ? token.text : `“${token.continues ? "##" : ""}${token.text}”`);

  const chipFor = (token, hidden, tag = "button") => {
    const classes = ["chip", token.special && "special", token.continues && "continues", hidden && "hidden"];
    const number = token.number ? [make("small", { text: token.number })] : [];
    const attributes = tag === "button" ? { type: "button", ...(hidden ? { disabled: "" } : {}) } : {};
    return make(tag, { className: classes.filter(Boolean).join(" "), attributes }, [...number, bdi(token.text)]);
  };

  const ink = (chips, tokens, shares) => {
    const top = Math.max(...shares, 1e-9);
    chips.forEach((chip, index) => {
      const share = shares[index];
      chip.style.setProperty("--ink-share", share === null ? 0 : Math.sqrt(share / top).toFixed(3));
      chip.title = share === null ? "hidden" : `${tokens[index].piece} · ${percent(share)}`;
    });
  };

  // The line under a strip: what a token attends to, in words.
  const looksAt = (query, tokens, { shares, removed, maximum = false }) => {
    const best = shares
      .map((share, index) => ({ share, index }))
      .filter(({ share }) => share >= 0.0005) // less would be written as 0.0 %
      .sort((a, b) => b.share - a.share)
      .slice(0, 6);
    return [
      make("strong", {}, [bdi(nameOf(query))]),
      ` attends to `,
      ...best.flatMap(({ share, index }, place) => [
        place ? ", " : "",
        make("span", { className: "target" }, [bdi(nameOf(tokens[index])), " ", make("b", { text: percent(share) })]),
      ]),
      best.length ? "" : "nothing that is shown",
      removed > 0.0005
        ? ` (${maximum ? "" : "shares of what is shown; "}${percent(removed)} of its attention went to hidden special tokens)`
        : "",
      maximum ? " (the largest weights of all these heads: they add up to more than 100 %)" : "",
      ".",
    ];
  };

  // One chip is chosen and a tab stop; its strip scrolls until it is seen, and the page stays.
  const press = (chips, chosen) => {
    chips.forEach((chip, index) => {
      chip.setAttribute("aria-pressed", index === chosen);
      chip.classList.toggle("query", index === chosen);
      chip.tabIndex = index === chosen ? 0 : -1;
    });
  };
  const reveal = (strip) => {
    const chip = strip?.querySelector(".chip.query");
    if (!chip) return;
    const top = chip.offsetTop - strip.offsetTop;
    const below = top + chip.offsetHeight > strip.scrollTop + strip.clientHeight;
    if (top < strip.scrollTop || below) strip.scrollTop = top - strip.clientHeight / 2;
  };

  // Mouse and keyboard on the chips of the strip with this selector.
  const followChips = (selector, { choose, paint, leave }) => {
    const all = () => [...root.querySelectorAll(`${selector} .chip`)];
    const at = (target) => {
      const chip = target.closest(`${selector} .chip`);
      return chip && !chip.disabled ? all().indexOf(chip) : -1;
    };
    root.addEventListener("click", ({ target }) => at(target) >= 0 && choose(at(target)));
    root.addEventListener("mouseover", ({ target }) => at(target) >= 0 && paint(at(target)));
    root.addEventListener("mouseleave", leave);
    root.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, Home: -Infinity, End: Infinity }[event.key];
      if (!step || at(event.target) < 0) return;
      event.preventDefault();
      const usable = all().filter((chip) => !chip.disabled);
      rove(usable, usable.indexOf(event.target), step);
      choose(at(document.activeElement));
    });
  };

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
  const one = ([layer, head]) => `layer ${layer}, head ${head}`;
  const has = (heads, [layer, head]) => heads.some((pair) => pair[0] === layer && pair[1] === head);
  const less = (heads, others) => heads.filter((pair) => !has(others, pair));
  const together = (heads, others) => [...heads, ...less(others, heads)];
  const equal = (heads, others) => heads.length === others.length && !less(heads, others).length;
  // What is ablated after these are toggled: they go, or come back if all of them were gone.
  const toggled = (heads, these) => (these.every((pair) => has(heads, pair)) ? less(heads, these) : together(heads, these));
  const layerOf = (layer, heads) => [...Array(heads).keys()].map((head) => [layer, head + 1]);

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
    bar, answerBars, unpack, nameOf, chipFor, ink, looksAt, press, reveal, followChips, cleanSentence,
    scrollBox, namedTable, headGrid, headCell, cellText, place, followCells, one, has, less, together, equal,
    toggled, layerOf, soon, forgetSent, isOld,
  };
};
