// What each head did for the answer, layers by heads; a click leaves a head out, or puts it back.
let value = null;
let out = [];

const amount = (effect, digits) => (value.number ? signedNumber(effect) : points(effect, digits));
const signedNumber = (effect) => `${effect < 0 ? "−" : "+"}${Math.abs(effect).toFixed(2)}`;
const unit = () => (value.number ? "" : " points");
const targets = ([layer, head]) => (head === "all" ? layerOf(layer, value.effects[0].length) : [[layer, head]]);
const isOut = (where) => targets(where).every((pair) => has(out, pair));

const nameCell = (where, effect, answer) => {
  const [layer, head] = where;
  const who = head === "all" ? `Layer ${layer}, all heads` : `Layer ${layer}, head ${head}`;
  const did = effect === null ? "not measured" : `${amount(effect, 1)}${unit()}`;
  return `${who}: ${did}${answer ? `, without it the answer is ${answer}` : ""}`;
};

const cellOf = (layer, head, effect, answer, top) => {
  const text = effect === null || Math.abs(effect) < top / 20 ? "" : amount(effect, top < 0.095 ? 1 : 0);
  const cell = headCell({ layer, head, effect, top, text, name: nameCell([layer, head], effect, answer) });
  cell.classList.toggle("flips", Boolean(answer));
  return cell;
};

const grid = () => {
  const { effects, layer_effects, answers, layer_answers } = value;
  const single = largest(effects.flat().filter((effect) => effect !== null));
  const whole = largest(layer_effects);
  const rows = effects.map((row, layer) => [
    ...row.map((effect, head) => cellOf(layer + 1, head + 1, effect, answers[layer][head], single)),
    cellOf(layer + 1, "all", layer_effects[layer], layer_answers[layer], whole),
  ]);
  const names = [...effects[0].keys()].map((head) => head + 1);
  return headGrid("Effect of each head", rows, [...names, "all"]);
};

const flippers = () => {
  const single = value.answers.flatMap((row, layer) => row.flatMap((answer, head) => (answer ? [`layer ${layer + 1}, head ${head + 1} (${answer})`] : [])));
  const whole = value.layer_answers.flatMap((answer, layer) => (answer ? [`layer ${layer + 1} (${answer})`] : []));
  if (value.number) return "";
  const heads = single.length ? `Left out alone, these heads change the answer: ${single.join("; ")}.` : "No head that is left out alone changes the answer.";
  return `${heads} ${whole.length ? `Of whole layers, these do: ${whole.join("; ")}.` : "Nor does any whole layer."}`;
};

const legend = () => {
  const what = value.number ? `the number ${value.label} (${value.whole.toFixed(3)})` : `the probability of ${value.label} (${percent(value.whole)})`;
  const left = value.not_tried ? ` Each text is long: ${value.not_tried} heads were not tried, those of the layers that matter least.` : "";
  return `Rows are layers, columns heads, the last one all heads of the layer, with ink of its own scale. + : so many${unit()} of ${what} are lost without the head; − : the head spoke against it. A thick edge: without it the answer is another.${left}`;
};

const mark = () => {
  if (!value) return;
  root.querySelectorAll(".cell").forEach((cell) => {
    const gone = isOut(place(cell));
    cell.setAttribute("aria-pressed", gone);
    cell.classList.toggle("out", gone);
  });
  const before = value.before.length ? `with ${value.before.length} left out` : "with all heads in";
  root.querySelector(".stale").textContent = equal(value.before, out) ? "" : `Measured ${before}. Run it again to see what each head is worth now.`;
};

followCells((cell) => {
  out = toggled(out, targets(place(cell)));
  mark();
  leaveOut(out);
});

show((given) => {
  value = given.effects ? given : null;
  sent = null;
  if (!value) return root.replaceChildren();
  out = value.before;
  root.replaceChildren(
    make("h2", { text: "What each head did" }),
    grid(),
    make("p", { className: "stale", attributes: { role: "status" } }),
    make("p", { text: flippers() }),
    make("p", { className: "hint", text: legend() }),
  );
  mark();
});
watch("without", () => {
  if (isOld(props.without)) return;
  out = props.without;
  mark();
});
