// What is said of a map. Notes are strings, and objects whose `text` stands out, or leads to `href`.
import { nameOf, percent } from "./dom.js";
import { CROWDED, lookOf, strongestPairs } from "./maths.js";

const JOINS = { mean: "mean", max: "maximum" };
const capital = (text) => text[0].toUpperCase() + text.slice(1);

// "Layer 2, head 3", or "Maximum over heads, mean over layers"; layers and heads count from 1.
export const nameOfChoice = ({ layer, head }) => {
  const heads = JOINS[head] ? `${JOINS[head]} over heads` : `head ${head}`;
  if (!JOINS[layer]) return `Layer ${layer}, ${heads}`;
  if (layer === head) return capital(`${JOINS[layer]} over all layers and heads`);
  return capital(`${heads}, ${JOINS[layer]} over layers`);
};

export const nameOfMap = (state, attention) => {
  const choice = nameOfChoice(state);
  const name = attention.kind ? `${attention.kind}, ${choice[0].toLowerCase()}${choice.slice(1)}` : choice;
  return `${name}${state.by_norms ? ", norm-weighted" : ""}`;
};

// A head's type with the score that earned it, and its entropy.
export const inShort = ({ name, score, entropy, closest }) => {
  const flat = `entropy ${entropy.toFixed(2)}`;
  if (name === "broad") return `broad, ${flat}`;
  if (name === "focused") return `focused on a few words, of no one kind; ${flat}`;
  if (name === "mixed" && score < 0.0005) return `mixed, next to nothing on any one kind of words; ${flat}`;
  if (name === "mixed") return `mixed, at most ${percent(score)} of its attention (${closest}); ${flat}`;
  return `${name}, ${percent(score)} of its attention; ${flat}`;
};

const MAXIMUM = "A cell is the largest weight that any of these heads puts there: it shows what at least one of them attends to. Rows add up to more than 100% and are not scaled.";
const BY_NORMS = [
  "Each weight is multiplied by the norm of the vector that is passed on with it, and rows are scaled back to 100%: see whether what drew most still does, special tokens above all",
  { text: "(Kobayashi et al. 2020).", href: "https://aclanthology.org/2020.emnlp-main.574/" },
];

const aboutChoice = ({ layer, head }, type) => {
  if (layer === "max" || head === "max") return [MAXIMUM];
  if (layer === "mean" && head !== "mean") return [`Head ${head} of one layer has nothing to do with head ${head} of another: this mean has no meaning by itself.`];
  if (layer === "mean" || head === "mean") return ["A mean hides what single heads do: compare it with the small maps above."];
  return type ? [{ text: `Head ${head} of layer ${layer}:` }, `${inShort(type)}.`] : [];
};

const whole = (share) => `${Math.round(100 * share)}%`;
const mean = (values) => (values.length ? values.reduce((sum, value) => sum + value, 0) / values.length : 0);

// What hiding tokens took from the rows of a map.
const scaledBack = ({ removed, maximum }) => {
  const left = maximum ? "stays as it was" : "was scaled back to 100%";
  return `${whole(mean(removed))} of a row's attention on average, ${whole(Math.max(0, ...removed))} at most; what is left of each row ${left}.`;
};

const listed = (names) => (names.length < 3 ? names.join(" and ") : names.join(", "));
const hides = ({ queries, keys }) => [queries, keys].some((side) => side.indexes.length < side.whole.length);

// What the special tokens of an encoder's text draw, or had drawn.
const specialShare = (view) => {
  const { queries, keys } = view;
  const names = [...new Set(keys.whole.filter(({ special }) => special).map(({ piece }) => piece))];
  if (!names.length) return "This tokenizer adds no special tokens.";
  if (hides(view)) return `${listed(names)} are hidden. They had drawn ${scaledBack(view)}`;
  const special = keys.whole.flatMap((key, place) => (key.special ? [place] : []));
  const drawn = queries.whole.flatMap((query, row) => {
    if (query.special) return [];
    let sum = 0;
    for (let at = row * view.columns; at < (row + 1) * view.columns; at++) sum += view.weights[at];
    return [special.reduce((all, key) => all + view.weights[row * view.columns + key], 0) / Math.max(sum, 1e-30)];
  });
  return `Here ${listed(names)} draw ${whole(mean(drawn))} of the attention of the text's own words.`;
};

// What a reader must know about the map: which head it is, what joins several, what was removed.
export const mapNotes = (view, state, attention, type) => {
  const hidden = attention.ofOneText ? [specialShare(view)] : hides(view) ? [`Special tokens are hidden. They had drawn ${scaledBack(view)}`] : [];
  const crowded = attention.ofOneText && view.columns > CROWDED ? ["Full ink means the weight at the scale's end, or more."] : [];
  return [...aboutChoice(state, type), ...(state.by_norms ? BY_NORMS : []), ...hidden, ...crowded];
};

const SIDES = {
  self: (unit) => `each row is a ${unit} that attends, its columns are what it attends to`,
  source: (unit) => `each row is a generated ${unit}, its columns are the source`,
  written: (unit) => `each row is a generated ${unit}, its columns are what came before`,
};

// The picture in words, for those who do not see it.
export const describeMap = (view, name, attention) => {
  const unit = view.queries.unit;
  const [best] = strongestPairs(view, 1);
  if (!view.weights.length) return `${name}: no ${unit}s are left to show.`;
  const strongest = best ? ` The strongest weight is ${percent(best.weight)}, from ${cellNames(view, best.row, best.column).join(" to ")}.` : "";
  return `Map of ${name}: ${view.rows} by ${view.columns} ${unit}s, ${SIDES[attention.looks_at](unit)}.${strongest}`;
};

export const cellNames = ({ queries, keys }, row, column) => [nameOf(queries.whole[queries.indexes[row]]), nameOf(keys.whole[keys.indexes[column]])];

// A cell in words.
export const describeCell = (view, row, column) => `${cellNames(view, row, column).join(" to ")}: ${percent(view.weights[row * view.columns + column])}`;

// What a token attends to, or who attends to it: { token, verb, best, rest } for a line under the strip.
export const describeLook = (view, direction, place) => {
  const [own, other] = direction === "from" ? [view.queries, view.keys] : [view.keys, view.queries];
  const { shares, removed } = lookOf(view, direction, place);
  const best = shares
    .map((share, index) => ({ share, token: other.whole[index] }))
    .filter(({ share }) => share >= 0.0005) // less would be written as 0.0%
    .sort((a, b) => b.share - a.share)
    .slice(0, 6);
  const rest = [
    best.length ? "" : "nothing that is shown",
    removed > 0.0005 ? ` (${view.maximum ? "" : "shares of what is shown; "}${percent(removed)} of its attention went to hidden special tokens)` : "",
    direction === "to" ? " (each share is of that one's own attention)" : "",
    view.maximum ? " (the largest weights of all these heads: they add up to more than 100%)" : "",
    ".",
  ];
  return { token: own.whole[place], verb: direction === "from" ? " attends to " : " is attended to by ", best, rest: rest.join("") };
};

export const inOneSentence = ({ token, verb, best, rest }) => `${nameOf(token)}${verb}${best.map((one) => `${nameOf(one.token)} ${percent(one.share)}`).join(", ")}${rest}`;

const READ = "A row is a word or token that attends, its columns are what it attends to. In one head, or a mean of heads, each row adds up to 100%. Choose a row to follow its word. Attention shows where information was routed, not why the model answers so:";
const WRITTEN = "A row is a generated word; its columns are what the decoder attended to when it chose that word. Probabilities are the model's own, over its whole vocabulary, before temperature, top-k or a penalty changes them. Attention shows where information was routed, not why a word was chosen.";

export const cautionOf = ({ ofOneText }) => [
  { text: "How to read it." },
  ...(ofOneText
    ? [
        READ,
        { text: "Jain & Wallace 2019,", href: "https://aclanthology.org/N19-1357/" },
        { text: "Wiegreffe & Pinter 2019.", href: "https://aclanthology.org/D19-1002/" },
      ]
    : [WRITTEN]),
];

export const NO_NORMS = "The decoder's graph gives no norms for its self-attention.";

export const aboutRollout = (layers) =>
  `The answer is read from here. Rollout (Abnar & Zuidema 2020) follows attention back through all ${layers} layers, as the mean over heads, half of it staying where it is at each layer. It flattens with depth: the more layers, the more alike the words' shares become, and the nearer their entropy comes to 1. So look at which words come first, not at how far they are ahead, and whether the last layer alone would have named others.`;
