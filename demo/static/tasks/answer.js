// The words of a context that answer a question: see `explorer/inference/tasks/answer.py` and
// `explorer/ui/tasks/answer.py`.
import { logSoftmax } from "../model/choosing.js";
import { placeOf } from "../model/tokens.js";
import { answerOf, inPercent, logOddsOfLog } from "./logits.js";
import { checkWhole, markedText, placedWords, toldApart } from "./words.js";

const OTHERS = ["no answer", "the likeliest other answer"];
const MOST_SPANS = 5;
const LONGEST = 30; // tokens of an answer

// Where an answer may start and end: the token of the whole text, then those of the context.
const placesOf = (encoded) => [placeOf(encoded, encoded.cls), ...encoded.tokens.flatMap(({ segment, special }, place) => (segment === 1 && !special ? [place] : []))];
// Logarithms of the probabilities of start and end at each of those.
const sharesOf = ({ start_logits, end_logits }, places) => [start_logits, end_logits].map((logits) => logSoftmax(places.map((place) => logits[place])));

const noAnswer = (reading) => {
  const [starts, ends] = sharesOf(reading.outputs, placesOf(reading));
  return Math.exp(starts[0] + ends[0]);
};
// The likeliest spans of whole words, the likeliest first.
const bestSpans = (reading) => {
  const words = placedWords(reading.tokens, [reading.text, reading.text_pair]).filter(({ word }) => word.segment === 1);
  const places = placesOf(reading);
  const [starts, ends] = sharesOf(reading.outputs, places);
  const rows = new Map(places.map((place, row) => [place, row]));
  const found = [];
  words.forEach(({ word, start }, first) => {
    for (const last of words.slice(first)) {
      const [from, to] = [word.places[0], last.word.places.at(-1)];
      if (to - from >= LONGEST) break;
      found.push({ share: starts[rows.get(from)] + ends[rows.get(to)], span: [from, to], start, end: last.end });
    }
  });
  found.sort((a, b) => b.share - a.share || a.span[0] - b.span[0] || a.span[1] - b.span[1]);
  return found.slice(0, MOST_SPANS).map(({ share, ...one }) => ({ ...one, text: reading.text_pair.slice(one.start, one.end), probability: Math.exp(share) }));
};

const short = (text) => {
  const letters = [...text.trim().replace(/\s+/g, " ")];
  return letters.length <= 60 ? letters.join("") : `${letters.slice(0, 59).join("")}…`;
};
// The best span of whole words of all that are not listed, as the logarithm of its probability.
const bestOther = (starts, ends, goesOn, listed) => {
  let best = -Infinity;
  for (let length = 0; length < Math.min(LONGEST, starts.length - 1); length++) {
    for (let start = 1; start + length < starts.length; start++) {
      const end = start + length;
      if (goesOn[start] || goesOn[end + 1] || listed.some(([from, to]) => from === start && to === end)) continue;
      best = Math.max(best, starts[start] + ends[end]);
    }
  }
  return best;
};
const scoresOf = (spans) => (outputs, encoded) => {
  const places = placesOf(encoded);
  const [starts, ends] = sharesOf(outputs, places);
  const rows = spans.map((span) => span.map((origin) => places.indexOf(placeOf(encoded, origin))));
  const logs = rows.map(([start, end]) => starts[start] + ends[end]);
  const goesOn = places.map((place) => encoded.tokens[place].continues);
  return [...logs, starts[0] + ends[0], bestOther(starts, ends, goesOn, rows)].map((log) => Math.fround(logOddsOfLog(log)));
};

const ask = (bundle, reading, place) => {
  checkWhole(place, bundle);
  if (!reading.text_pair) throw new Error("There is no context to find the answer in. Write one below the question.");
  const best = bestSpans(reading);
  if (!best.length) throw new Error("No word of the context was read, so there is no answer in it. Shorten the question, or write a context of words that the tokenizer knows.");
  const spans = best.map(({ span }) => span);
  const found = best[0].probability >= noAnswer(reading) ? spans[0] : [reading.cls];
  return {
    place: null,
    question: {
      labels: toldApart(best.map(({ text }) => short(text)), OTHERS), problem_type: "one_of_many", temperature: 1, scores: scoresOf(spans),
      about: "as the answer", held: [...new Set(spans.flat())].sort((a, b) => a - b), read_from: [...new Set(found)],
    },
  };
};

const show = (bundle, reading, asked) => {
  const [[best], none] = [bestSpans(reading), noAnswer(reading)];
  const found = best.probability >= none;
  const [from, to] = best.span;
  const parts = found ? [{ start: best.start, end: best.end, token: from, mark: 0 }] : [];
  const where = `token ${from + 1} “${[...reading.tokens[from].text].slice(0, 20).join("")}”`;
  return {
    ...answerOf(asked.reading, asked.bundle), heading: "The likeliest answers", title: "The answer in the context",
    told: found ? `Its probability is that of starting at ${where} times that of ending at token ${to + 1}.` : `The model says that the context has no answer (${inPercent(none)}).`,
    ...markedText(reading.text_pair, parts, [{ label: "answer", share: inPercent(best.probability), tone: 0 }]),
  };
};

export const ANSWER = { title: "Answer", promise: "Ask a question of a text, get the words that answer it", text: "Question", text_pair: "Context", needs_pair: true, choice: "Answer", ask, show };
