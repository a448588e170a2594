// The text that grows. The chosen token shows its candidates, and what it attended to.
const { make, bdi, hint, sized, percent, root, chipStrip, bar, unpack, nameOf, chipFor, ink, looksAt, press, reveal, followChips, cleanSentence } = library;

let shown = null;
let chosen = null; // null: the newest token while the text grows, then the one worth a look

const part = (tag, className, attributes = {}) => make(tag, { className, attributes });
const output = part("p", "output");
const state = part("p", "hint", { "aria-live": "polite" });
const targetStrip = chipStrip("Generated tokens", [], { className: "target-chips" });
const keyTitle = part("p", "hint");
const keyStrip = chipStrip("", [], { className: "key-chips" });
const looked = part("p", "looks-at", { "aria-live": "polite" });
const repair = part("div", "repair");
const chance = part("p", "chance", { "aria-live": "polite" });
const bars = part("ol", "bars");
const card = [make("h2", { text: "Generated text" }), output, state, repair, targetStrip, keyTitle, keyStrip, looked, chance, bars];

const paint = (query) => {
  const row = shown.row(query);
  ink([...keyStrip.children], shown.key_tokens, row.shares);
  [...targetStrip.children].forEach((chip, index) => chip.classList.toggle("query", index === query));
  return row;
};

const candidateBar = ({ text, share, chosen: taken }) => bar(taken ? "bar taken" : "bar", text, percent(share), share, { title: text });

// An entropy in bits, and among how many equally likely words a choice is as unsure.
const bits = (entropy) => {
  const words = Math.round(2 ** entropy);
  return `${sized(entropy, 1)} bits: as unsure as a choice among ${words === 1 ? "1 word" : `${words.toLocaleString("en")} equally likely words`}`;
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

const showToken = (query) => {
  shown.current = query;
  const token = shown.tokens[query];
  const row = paint(query);
  press([...targetStrip.children], query);
  looked.replaceChildren(...looksAt(token, shown.key_tokens, row));
  chance.replaceChildren(make("strong", {}, [bdi(nameOf(token))]), ...chances(token.steps));
  bars.replaceChildren(...token.steps[0].candidates.map(candidateBar));
};

const choose = (query) => {
  chosen = query;
  showToken(query);
};

const drawAll = () => {
  const source = shown.looks_at === "source";
  if (!card[0].isConnected) root.replaceChildren(...card);
  root.classList.toggle("busy", shown.busy);
  root.classList.toggle("done", !shown.busy || root.classList.contains("done"));
  for (const line of [state, looked, chance]) line.setAttribute("aria-live", shown.busy ? "off" : "polite");
  output.replaceChildren(bdi(shown.text));
  state.textContent = `${shown.state} · ${shown.name} · choose a ${shown.unit} to see its candidates and what it attended to`;
  repair.replaceChildren(...(shown.repair ? cleanSentence(shown.repair) : []));
  keyTitle.textContent = source ? "The source" : `What was there before each ${shown.unit}`;
  keyStrip.setAttribute("aria-label", keyTitle.textContent);
  targetStrip.replaceChildren(...shown.tokens.map((token, index) => chipFor(token, !shown.queries.includes(index))));
  keyStrip.replaceChildren(...shown.key_tokens.map((token, index) => chipFor(token, !shown.keys.includes(index), "span")));
  for (const line of [looked, chance, bars]) line.replaceChildren();
};

followChips(".target-chips", { choose, paint, leave: () => shown?.current !== undefined && paint(shown.current) });

const update = () => {
  const value = props.value;
  if (!value) {
    shown = null;
    root.classList.remove("busy", "done");
    root.replaceChildren(hint("Nothing is generated yet. Press Write, and the text grows here, token by token."));
    return;
  }
  const held = [...targetStrip.children].indexOf(document.activeElement);
  if (!shown || shown.source !== value.source || (value.busy && !shown.busy)) chosen = null;
  if (value.chosen !== null) chosen = value.chosen;
  shown = { ...value, row: unpack(value, value.key_tokens.length) };
  drawAll();
  const newest = value.queries[value.queries.length - 1];
  const wanted = [chosen ?? (value.busy ? newest : value.first), newest].find((token) => value.queries.includes(token));
  if (wanted === undefined) return;
  showToken(wanted);
  targetStrip.children[held]?.focus({ preventScroll: true });
  reveal(targetStrip);
};
watch("value", update);
update();
