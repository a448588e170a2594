// The text that grows. The chosen token shows its candidates; what it attended to is shown by the
// maps below, whose chosen token is this one where they are of this text.
const { make, bdi, hint, sized, percent, root, chipStrip, bar, nameOf, chipFor, press, reveal, followChips, cleanSentence } = library;
const { axisOf, placeOf } = window.attentionMaps;

let shown = null;
let chosen = null; // null: the newest token while the text grows, then the one worth a look
let state = { words: true, special_tokens: true }; // of the maps

const part = (tag, className, attributes = {}) => make(tag, { className, attributes });
const output = part("p", "output");
const line = part("p", "hint", { "aria-live": "polite" });
const targetStrip = chipStrip("Generated tokens", [], { className: "target-chips" });
const repair = part("div", "repair");
const chance = part("p", "chance", { "aria-live": "polite" });
const bars = part("ol", "bars");
const card = [make("h2", { text: "Generated text" }), output, line, repair, targetStrip, chance, bars];
const chips = () => [...targetStrip.children];

const candidateBar = ({ text, share, chosen: taken }) => bar(taken ? "bar taken" : "bar", text, percent(share), share, { title: text });

// An entropy in bits, and among how many equally likely words a choice is as unsure.
const bits = (entropy) => {
  const words = Math.round(2 ** entropy);
  return `${sized(entropy, 1)} bits: ${words === 1 ? "hardly a choice at all" : `as unsure as a choice among ${words.toLocaleString("en")} equally likely words`}`;
};

// How likely a word was: all of its pieces, each after those before it.
const chances = (steps) => {
  const [{ probability, entropy }] = steps;
  if (steps.length === 1) {
    return [` was chosen at a probability of ${percent(probability)}. The entropy over all words was ${bits(entropy)}. The likeliest:`];
  }
  const pieces = steps.flatMap((step, place) => [place ? ", " : "", bdi(step.text), ` ${percent(step.probability)}`]);
  const together = steps.reduce((product, step) => product * step.probability, 1);
  return [` was written in ${steps.length} pieces: `, ...pieces, `; together ${percent(together)}. The entropy of its first piece was ${bits(entropy)}. The likeliest there:`];
};

// The encoder's own maps have no token of this text: what is chosen in them is one of the source.
const ofSource = () => state.looks_at === "self";

const showToken = (place) => {
  const token = shown.axis.whole[place];
  const steps = token.places.map((piece) => shown.tokens[piece].step);
  press(chips(), place);
  chance.replaceChildren(make("strong", {}, [bdi(nameOf(token))]), ...chances(steps));
  bars.replaceChildren(...steps[0].candidates.map(candidateBar));
};

const choose = (place) => {
  chosen = shown.axis.whole[place].places[0];
  showToken(place);
  if (ofSource()) return;
  document.querySelector("#write_map_view")?.dispatchEvent(new CustomEvent("maps-set", { detail: { chosen, direction: "from" } }));
};

const draw = () => {
  const held = chips().indexOf(document.activeElement);
  shown.axis = axisOf(shown.tokens, state);
  const { axis } = shown;
  targetStrip.replaceChildren(...axis.whole.map((token, place) => chipFor(token, !axis.indexes.includes(place))));
  line.textContent = `${shown.state} · choose a ${axis.unit} to see its candidates and what it attended to`;
  const newest = axis.indexes.at(-1);
  const places = [chosen ?? (shown.busy ? null : shown.first)].map((piece) => (piece === null ? newest : placeOf(axis, piece)));
  const wanted = [...places, newest].find((place) => axis.indexes.includes(place));
  for (const one of [chance, bars]) one.replaceChildren();
  if (wanted === undefined) return;
  showToken(wanted);
  chips()[held]?.focus({ preventScroll: true });
  reveal(targetStrip);
};

followChips(".target-chips", { choose, paint: () => {}, leave: () => {} });

// The maps show words or tokens, and a row of theirs was chosen: this strip follows.
document.addEventListener("maps-state", ({ target, detail }) => {
  if (target.closest("#write_map_view") === null || !shown) return;
  const same = ["words", "special_tokens"].every((name) => state[name] === detail[name]);
  state = detail;
  if (detail.direction === "from" && detail.chosen !== null && !ofSource()) chosen = detail.chosen;
  if (!same) draw();
  else if (chosen !== null) showToken(placeOf(shown.axis, chosen));
});

const update = () => {
  const value = props.value;
  if (!value) {
    shown = null;
    root.classList.remove("busy", "done");
    root.replaceChildren(hint("Nothing is generated yet. Press Write, and the text grows here, token by token."));
    return;
  }
  if (!shown || shown.source !== value.source || (value.busy && !shown.busy)) chosen = null;
  shown = { ...value };
  if (!card[0].isConnected) root.replaceChildren(...card);
  root.classList.toggle("busy", shown.busy);
  root.classList.toggle("done", !shown.busy || root.classList.contains("done"));
  for (const one of [line, chance]) one.setAttribute("aria-live", shown.busy ? "off" : "polite");
  const before = shown.prompt ? [make("span", { className: "prompt" }, [shown.prompt])] : [];
  output.replaceChildren(make("bdi", {}, [...before, shown.text]));
  repair.replaceChildren(...(shown.repair ? cleanSentence(shown.repair) : []));
  draw();
};
watch("value", update);
update();
