// The text as chips: the chosen one is outlined, the ink behind the others is its row of the map, or
// its column. And what reaches the token that an answer is read from.
import { bdi, chipFor, chipStrip, followChips, hint, ink, make, nameOf, percent, press, reveal, sized } from "./dom.js";
import { lookOf, placeOf, rowOf } from "./maths.js";
import { aboutRollout, describeLook } from "./wording.js";

const chipsOf = (axis, tag, pair) => {
  const hidden = axis.whole.map((_, place) => !axis.indexes.includes(place));
  return axis.whole.flatMap((token, place) => {
    const first = place === 0 || axis.whole[place - 1].segment !== token.segment;
    const segment = pair && first ? [make("span", { className: "segment", text: token.segment ? "Text B" : "Text A" })] : [];
    return [...segment, chipFor(token, hidden[place], tag)];
  });
};

const lookLine = ({ token, verb, best, rest }) => [
  make("strong", {}, [bdi(nameOf(token))]),
  verb,
  ...best.flatMap((one, place) => [place ? ", " : "", make("span", { className: "target" }, [bdi(nameOf(one.token)), " ", make("b", { text: percent(one.share) })])]),
  rest,
];

const toggle = (choose) => {
  const options = [["from", "attends to"], ["to", "is attended to by"]];
  const buttons = options.map(([direction, text]) => make("button", { text, attributes: { type: "button", "data-direction": direction } }));
  buttons.forEach((button) => button.addEventListener("click", () => choose({ direction: button.dataset.direction })));
  return { node: make("div", { className: "directions", attributes: { role: "group", "aria-label": "Direction" } }, buttons), buttons };
};

// choose({ chosen }) and choose({ direction }) are told what a reader does.
export const tokenStrips = ({ choose }) => {
  const title = make("h2");
  const line = hint("");
  const strips = make("div");
  const looked = make("p", { className: "looks-at" });
  const directions = toggle(choose);
  const node = make("section", { className: "look-card" }, [make("div", { className: "look-head" }, [title, directions.node]), line, strips, looked]);
  let shown = null;

  const sides = () => {
    const { queries, keys } = shown.how;
    return shown.state.direction === "from" ? [queries, keys] : [keys, queries];
  };
  const chips = (which) => [...strips.querySelectorAll(`.${which} .chip`)];
  const inked = () => (shown.attention.ofOneText ? "own" : "other");

  const paint = (place) => {
    if (!shown?.view || place < 0) return;
    ink(chips(inked()), sides()[1].whole, lookOf(shown.view, shown.state.direction, place).shares);
    chips("own").forEach((chip, index) => chip.classList.toggle("query", index === place));
  };
  followChips(strips, ".own", {
    choose: (place) => choose({ chosen: sides()[0].whole[place].places[0] }),
    paint,
    leave: () => shown?.place >= 0 && paint(shown.place),
  });

  const strip = (axis, which, tag) => {
    const side = shown.data.sides[axis === shown.how.queries ? shown.attention.queries : shown.attention.keys];
    const box = chipStrip(side.name || `The text as ${axis.unit}s`, chipsOf(axis, tag, shown.data.pair), { className: which, ...(tag === "span" ? { tabindex: "0" } : {}) });
    if (shown.data.left_out && !side.name) box.append(make("span", { className: "left-out", text: `… ${shown.data.left_out} more tokens were not read` }));
    return side.name ? [make("p", { className: "hint side", text: side.name }), box] : [box];
  };

  // Other tokens are there, or they are shown otherwise.
  const draw = (now) => {
    shown = now;
    const [own, other] = sides();
    const scrolled = strips.querySelector(".own")?.scrollTop ?? 0;
    const held = strips.contains(document.activeElement);
    const parts = shown.attention.ofOneText ? [strip(own, "own", "button")] : [strip(own, "own", "button"), strip(other, "other", "span")];
    strips.replaceChildren(...(shown.state.direction === "from" || parts.length === 1 ? parts : parts.toReversed()).flat());
    strips.querySelector(".own").scrollTop = scrolled;
    update(now);
    if (held) strips.querySelector(".own .chip.query")?.focus({ preventScroll: true });
  };

  const update = (now) => {
    shown = now;
    const [own] = sides();
    const from = shown.state.direction === "from";
    const count = own.whole.filter((token) => own.unit === "token" || !token.special).length;
    const asks = from ? `what it attends to` : `what attends to it`;
    title.textContent = from ? `What a ${own.unit} attends to` : `What attends to a ${own.unit}`;
    line.textContent = `${count} ${own.unit}${count === 1 ? "" : "s"} · ${shown.name} · choose a ${own.unit} to see ${asks}`;
    directions.buttons.forEach((button) => button.setAttribute("aria-pressed", button.dataset.direction === shown.state.direction));
    looked.replaceChildren();
    if (!shown.view) return;
    press(chips("own"), shown.place);
    if (shown.place < 0) return;
    paint(shown.place);
    looked.replaceChildren(...lookLine(describeLook(shown.view, shown.state.direction, shown.place)));
  };

  const revealChosen = () => reveal(strips.querySelector(".own"));
  return { node, draw, update, reveal: revealChosen };
};

// Rollout and the last layer alone, as two strips over the same words; full ink is the strongest
// word's, since the token itself would leave all others white.
const rolloutStrip = (axis, { shares, removed, entropy }, title) => {
  const chips = axis.whole.map((token, place) => {
    const chip = chipFor(token, shares[place] === null, "span");
    if (shares[place] !== null) chip.append(make("small", { className: "share-value", text: percent(shares[place]) }));
    return chip;
  });
  ink(chips, axis.whole, shares, Math.max(...shares.filter((share, place) => share !== null && !axis.whole[place].special), 1e-9));
  const hidden = removed > 0.0005 ? ` · shares of what is shown: ${percent(removed)} went to hidden special tokens` : "";
  return [make("h3", { text: `${title} · entropy of the words ${sized(entropy, 2)}${hidden}` }), chipStrip(title, chips, { tabindex: "0" })];
};

export const rolloutCard = () => {
  const node = make("section", { className: "rollout-card" });
  const draw = ({ data, how }) => {
    node.hidden = !data.rollout;
    if (!data.rollout) return;
    const [through, last] = data.rollout.rows.map((row) => rowOf(row, how.keys));
    node.replaceChildren(
      make("h2", {}, ["What reaches ", bdi(how.keys.whole[placeOf(how.keys, data.rollout.query)].text)]),
      hint(aboutRollout(data.layers.length)),
      ...rolloutStrip(how.keys, through, `Rollout through ${data.layers.length} layers`),
      ...rolloutStrip(how.keys, last, "The last layer alone, mean over heads"),
    );
  };
  return { node, draw };
};
