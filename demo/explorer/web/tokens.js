// The text as words, or tokens. The chosen one looks: the ink behind the others is its row of the map.
const { make, hint, root, show, chipStrip, unpack, chipFor, ink, looksAt, press, reveal, followChips } = library;

let shown = null;
let chosen = 0;

const chips = () => [...root.querySelectorAll(".chip")];

const paint = (query) => {
  const row = shown.row(query);
  ink(chips(), shown.tokens, row.shares);
  chips().forEach((chip, index) => chip.classList.toggle("query", index === query));
  return row;
};

const choose = (query) => {
  chosen = query;
  const row = paint(query);
  press(chips(), query);
  root.querySelector(".looks-at").replaceChildren(...looksAt(shown.tokens[query], shown.tokens, row));
};

const drawAll = () => {
  const strip = chipStrip(`The text as ${shown.unit}s`);
  shown.tokens.forEach((token, index) => {
    const first = index === 0 || shown.tokens[index - 1].segment !== token.segment;
    if (shown.pair && first) strip.append(make("span", { className: "segment", text: token.segment ? "Text B" : "Text A" }));
    strip.append(chipFor(token, !shown.queries.includes(index)));
  });
  if (shown.left_out) strip.append(make("span", { className: "left-out", text: `… ${shown.left_out} more tokens were not read` }));
  const count = shown.tokens.filter((token) => shown.unit === "token" || !token.special).length;
  const scrolled = root.querySelector(".chips")?.scrollTop ?? 0;
  root.replaceChildren(
    make("h2", { text: `What a ${shown.unit} attends to` }),
    hint(`${count} ${shown.unit}${count === 1 ? "" : "s"} · ${shown.name} · choose a ${shown.unit} to see what it attends to`),
    strip,
    make("p", { className: "looks-at", attributes: { "aria-live": "polite" } }),
  );
  strip.scrollTop = scrolled;
};

followChips(".chips", { choose, paint, leave: () => shown && shown.queries.length && paint(chosen) });

show((value) => {
  if (!value.tokens) {
    shown = null;
    return root.replaceChildren();
  }
  const same = shown && shown.reading === value.reading;
  shown = { ...value, row: unpack(value, value.tokens.length) };
  drawAll();
  if (value.chosen !== null) chosen = value.chosen;
  else if (!same) chosen = value.first;
  if (!value.queries.includes(chosen)) chosen = value.queries[0];
  if (chosen === undefined) chosen = 0;
  else choose(chosen);
  if (!same || value.chosen !== null) reveal(root.querySelector(".chips"));
});
