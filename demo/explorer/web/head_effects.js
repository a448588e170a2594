// What each head did for the answer, layers by heads; a click leaves a head out, or puts it back.
const { make, hint, root, show, mainOf, amount, fullInk, paired, wholeOf, lessThanCounts, headGrid, headCell, cellText, place, followCells, one, has, equal, toggled, layerOf, soon, forgetSent, isOld } = library;

let value = null;
let out = [];

const targets = ([layer, head]) => (head === "all" ? layerOf(layer, value.effects[0].length) : [[layer, head]]);
const isOut = (where) => targets(where).every((pair) => has(out, pair));

const nameCell = (where, effect, answer) => {
  const [layer, head] = where;
  const who = head === "all" ? `Layer ${layer}, all heads` : `Layer ${layer}, head ${head}`;
  const did = effect.effect === null ? "not measured" : amount(effect);
  return `${who}: ${did}${answer ? `, without it the answer is ${answer}` : ""}`;
};

const cellOf = (layer, head, effect, answer, top) => {
  const main = mainOf(effect);
  const cell = headCell({ layer, head, effect: main, top, text: cellText(main, top), name: nameCell([layer, head], effect, answer) });
  cell.classList.toggle("flips", Boolean(answer));
  return cell;
};

const grid = () => {
  const { answers, layer_answers, log_odds_effects: logOdds, least } = value;
  const heads = value.effects.map((row, layer) => paired(row, logOdds && logOdds[layer]));
  const layers = paired(value.layer_effects, value.layer_log_odds_effects);
  const [single, whole] = [fullInk(heads.flat(), least), fullInk(layers, least)];
  const rows = heads.map((row, layer) => [
    ...row.map((effect, head) => cellOf(layer + 1, head + 1, effect, answers[layer][head], single)),
    cellOf(layer + 1, "all", layers[layer], layer_answers[layer], whole),
  ]);
  const names = [...heads[0].keys()].map((head) => head + 1);
  return headGrid("Effect of each head", rows, [...names, "all"]);
};

const tried = () => value.effects.flat().filter((effect) => effect !== null).length;
// Of heads for which there was no time nothing is said.
const noHead = () => (value.not_tried ? `Of the heads that were tried (${tried()}), none` : "No head");

// In words, for those who cannot rest on a cell.
const MOST_NAMED = 3;
const strongest = () => {
  const all = value.effects.flatMap((row, layer) =>
    paired(row, value.log_odds_effects && value.log_odds_effects[layer]).map((effect, head) => ({ ...effect, at: [layer + 1, head + 1] })),
  );
  const counting = all.filter((effect) => effect.effect !== null && Math.abs(mainOf(effect)) >= value.least);
  const first = counting.sort((a, b) => Math.abs(mainOf(b)) - Math.abs(mainOf(a))).slice(0, MOST_NAMED);
  return `The largest effects${value.not_tried ? ` of the heads that were tried (${tried()})` : ""}: ${first.map((effect) => `${one(effect.at)}, ${amount(effect)}`).join("; ")}.`;
};

const verdict = () => {
  if (!tried()) return "No head is left to try: all of them are ablated.";
  return value.matters ? strongest() : `${noHead()} matters on its own: without any one of them ${lessThanCounts(value)}.`;
};

const flippers = () => {
  const single = value.answers.flatMap((row, layer) => row.flatMap((answer, head) => (answer ? [`layer ${layer + 1}, head ${head + 1} (${answer})`] : [])));
  const whole = value.layer_answers.flatMap((answer, layer) => (answer ? [`layer ${layer + 1} (${answer})`] : []));
  if (value.number || !tried()) return "";
  const heads = single.length ? `Ablated alone, these heads change the answer: ${single.join("; ")}.` : `${noHead()} changes the answer when it is ablated alone.`;
  return `${heads} ${whole.length ? `Of whole layers, these do: ${whole.join("; ")}.` : "Nor does any whole layer."}`;
};

const legend = () => {
  const left = value.not_tried ? ` Heads that were not tried, since it would have taken too long: ${value.not_tried}; those of the layers that matter most came first.` : "";
  const beside = value.number ? "" : "Rest on a cell to see the same in points of probability. ";
  return `Rows are layers, columns heads, the last one all heads of the layer, with ink of its own scale. + : so much of ${wholeOf(value)} is lost without the head; − : the head spoke against it. ${beside}A thick edge: without it the answer is another.${left}`;
};

const mark = () => {
  if (!value) return;
  root.querySelectorAll(".cell").forEach((cell) => {
    const gone = isOut(place(cell));
    cell.setAttribute("aria-pressed", gone);
    cell.classList.toggle("out", gone);
  });
  const before = value.before.length ? `with ${value.before.length} ablated` : "with all heads in";
  root.querySelector(".stale").textContent = equal(value.before, out) ? "" : `Measured ${before}. Run it again to see what each head is worth now.`;
};

followCells((cell) => {
  out = toggled(out, targets(place(cell)));
  mark();
  soon((asked) => trigger("ablate", asked), out);
});

show((given) => {
  value = given.effects ? given : null;
  forgetSent();
  if (!value) return root.replaceChildren();
  out = value.before;
  root.replaceChildren(
    make("h2", { text: "What each head did" }),
    grid(),
    make("p", { className: "stale", attributes: { role: "status" } }),
    make("p", { className: "verdict", text: verdict() }),
    make("p", { text: flippers() }),
    hint(legend()),
  );
  mark();
});
watch("without", () => {
  if (isOld(props.without)) return;
  out = props.without;
  mark();
});
