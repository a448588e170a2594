// All tasks of models that read, and the one way to ask something of a text: `explorer/ui/tasks`.
import { ANSWER } from "./answer.js";
import { answerOf } from "./logits.js";
import { EMBED } from "./embed.js";
import { FILL } from "./fill.js";
import { TAG } from "./tag.js";
import { checkWhole } from "./words.js";

const CLASSIFY = {
  title: "Classify", promise: "Write a sentence, get the model's answer", text: "Text", text_pair: "Second text", choice: "Class",
  ask: (bundle, reading, place) => {
    checkWhole(place, bundle);
    const { labels, problem_type, temperature } = bundle;
    return { place: null, question: { labels, problem_type, temperature, scores: ({ logits }) => [...logits], about: "", held: [], read_from: [reading.cls] } };
  },
  show: (bundle, reading, asked) => answerOf(asked.reading, asked.bundle),
};
export const TASKS = { classify: CLASSIFY, tag: TAG, answer: ANSWER, fill: FILL, embed: EMBED };

// What a bundle reads for; null where it only writes.
export const taskOf = ({ tasks }) => tasks.find((task) => Object.hasOwn(TASKS, task)) ?? null;

// Asks about a word or a mask, from 1, or about what comes first; gives the reading with its answer,
// and the bundle as one that answers this. Throws a sentence: there is nothing to ask.
export const ask = (bundle, reading, place = null) => {
  const { question, place: found } = TASKS[bundle.task].ask(bundle, reading, place);
  const { labels, problem_type, temperature, about, held, read_from } = question;
  const asked = { ...reading, question, logits: question.scores(reading.outputs, reading), held, read_from };
  return { reading: asked, bundle: { ...bundle, labels, problem_type, temperature, about }, place: found };
};
