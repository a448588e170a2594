// What each head of a decoder did for the generated text: a grid for each kind of attention, and the
// generated tokens inked for the chosen head.
const { make, hint, percent, root, show, chipStrip, signed, signedInk, largest, nats, nameOf, chipFor, headGrid, headCell, cellText, place, followCells } = library;

let value = null;
let chosen = null; // kind, layer and head, from 0

const NAMES = { cross: "Heads that attend to the source (cross-attention)", self: "Heads that attend to the text itself (self-attention)" };
const top = () => Math.max(largest(value.effects.flat(2).filter((effect) => effect !== null)), value.least);

const grid = (kind) => {
  const most = top();
  const rows = value.effects[kind].map((row, layer) =>
    row.map((effect, head) => {
      const name = `Layer ${layer + 1}, head ${head + 1}: ${effect === null ? "not tried" : nats(effect)}`;
      const cell = headCell({ layer: layer + 1, head: head + 1, effect, top: most, text: cellText(effect, most), name });
      cell.dataset.kind = kind;
      cell.disabled = effect === null;
      return cell;
    }),
  );
  const names = value.effects[kind][0].map((_, head) => head + 1);
  return make("div", {}, [make("h3", { text: NAMES[value.kinds[kind]] }), headGrid(NAMES[value.kinds[kind]], rows, names)]);
};

const showHead = ([kind, layer, head]) => {
  chosen = [kind, layer, head];
  root.querySelectorAll(".cell").forEach((cell) => {
    const here = Number(cell.dataset.kind) === kind && place(cell)[0] === layer + 1 && place(cell)[1] === head + 1;
    cell.setAttribute("aria-pressed", here);
  });
  const effects = value.by_token[kind][layer][head];
  const most = Math.max(largest(effects), value.least);
  const worst = effects.indexOf(Math.max(...effects));
  const who = `Without layer ${layer + 1}, head ${head + 1} (${value.kinds[kind]}-attention)`;
  const line = effects[worst] < value.least ? `${who} no token becomes much less likely.` : `${who} the token that loses most is ${nameOf(value.tokens[worst])}: its probability becomes ${percent(Math.exp(-effects[worst]))} of what it was.`;
  root.querySelector(".told").textContent = line;
  root.querySelector(".target-chips").replaceChildren(
    ...value.tokens.map((token, index) => {
      const node = signedInk(chipFor(token, false, "span"), effects[index], most);
      node.classList.add("effect");
      node.append(make("small", { className: "points", text: Math.abs(effects[index]) < 0.005 ? "" : nats(effects[index]) }));
      return node;
    }),
  );
};

const compared = () => {
  const means = value.effects.map((rows) => rows.flat().filter((effect) => effect !== null)).map((all) => (all.length ? sum(all) / all.length : null));
  if (means.includes(null)) return "";
  return `Mean over ${value.not_tried ? "the heads of a kind that were tried" : "all heads of a kind"}: ${value.kinds.map((kind, index) => `${kind} ${nats(means[index])}`).join(", ")}.`;
};

followCells((cell) => showHead([Number(cell.dataset.kind), place(cell)[0] - 1, place(cell)[1] - 1]));

const sum = (numbers) => numbers.reduce((whole, one) => whole + one, 0);

// By kind, layer and head: a number for each token, and their sum; null for a head that was not tried.
const measured = (given) => {
  const by_token = Object.values(given.effects);
  const summed = (cell) => (cell.includes(null) ? null : sum(cell));
  return { ...given, by_token, kinds: Object.keys(given.effects), effects: by_token.map((rows) => rows.map((row) => row.map(summed))) };
};

show((given) => {
  value = measured(given);
  const left = value.not_tried ? ` ${value.not_tried} heads were not tried: it would have taken too long.` : "";
  root.replaceChildren(
    make("h2", { text: "What each head did" }),
    make("div", { className: "grids" }, value.kinds.map((_, kind) => grid(kind))),
    make("p", { text: compared() }),
    make("p", { className: "told", attributes: { role: "status" } }),
    chipStrip("Generated tokens and what the chosen head did for each", [], { className: "target-chips" }),
    hint(`Rows are layers, columns heads. + : by so much the natural logarithm of the text's probability (${signed(sum(value.log_probabilities), 1)}) falls without the head; − : the text would be likelier. Below a token: the same for it alone.${left}`),
  );
  const all = value.effects.flatMap((rows, kind) => rows.flatMap((row, layer) => row.map((effect, head) => ({ effect: effect ?? -Infinity, at: [kind, layer, head] }))));
  showHead(all.reduce((best, each) => (each.effect > best.effect ? each : best)).at);
}, "effects");
