// How alike two texts are, by the cosine of their vectors: see `explorer/inference/tasks/embed.py`
// and `explorer/ui/tasks/embed.py`.
import { answerOf } from "./logits.js";
import { checkWhole } from "./words.js";

const MADE = {
  mean: "the mean of the last hidden states of all tokens",
  max: "the largest of each number in the last hidden states of all tokens",
  cls: "the last hidden state of the first token",
  last: "the last hidden state of the last token",
};

// The tokens of each text that its vector is made of.
const readOf = ({ tokens }, { mode }) =>
  [0, 1].map((text) => {
    const places = tokens.flatMap(({ segment }, place) => (segment === text ? [place] : []));
    return { cls: places.slice(0, 1), last: places.slice(-1) }[mode] ?? places;
  });
const vectorOf = (hidden, places, width, { mode }) => {
  const found = new Float64Array(width).fill(mode === "max" ? -Infinity : 0);
  for (const place of places) {
    for (let at = 0; at < width; at++) {
      const value = hidden[place * width + at];
      if (mode === "max") found[at] = Math.max(found[at], value);
      else found[at] += value / places.length;
    }
  }
  return found;
};
const product = (one, other) => one.reduce((sum, value, at) => sum + value * other[at], 0);
const lengthOf = (vector) => Math.max(Math.sqrt(product(vector, vector)), 1e-12);

const ask = (bundle, reading, place) => {
  checkWhole(place, bundle);
  if (!reading.text_pair) throw new Error("There is one text alone. Write a second one to compare it with.");
  const { pooling, sizes: { hidden: width } } = bundle;
  const scores = ({ last_hidden_state }, encoded) => {
    const [one, other] = readOf(encoded, pooling).map((places) => vectorOf(last_hidden_state, places, width, pooling));
    return [Math.fround(product(one, other) / (lengthOf(one) * lengthOf(other)))];
  };
  return { place: null, question: { labels: ["cosine"], problem_type: "regression", temperature: 1, scores, about: "of the two texts", held: [], read_from: readOf(reading, pooling).flat() } };
};

const show = (bundle, reading, asked) => ({
  ...answerOf(asked.reading, asked.bundle), heading: "How alike the two texts are",
  told: `The cosine of their vectors: 1 for the same direction, 0 for none in common. Each vector is ${MADE[bundle.pooling.mode]}.`,
});

export const EMBED = { title: "Similarity", promise: "Write two texts, see how alike a model finds them", text: "Text", text_pair: "Second text", needs_pair: true, choice: "Number", ask, show };
