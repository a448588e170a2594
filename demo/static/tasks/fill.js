// The words that fit where a text has its mask: see `explorer/inference/tasks/fill.py` and
// `explorer/ui/tasks/fill.py`. `reading.fitting` are the likeliest words at each mask, by name.
import { normalized } from "../model/choosing.js";
import { answerOf, inPercent, logOddsOfLog } from "./logits.js";
import { checkedPlace, markedText, placedWords, toldApart } from "./words.js";

const OTHER = "the likeliest other word";
const MOST_WORDS = 10;

const scoresOf = (mask, ids) => ({ logits }, { held }) => {
  const row = logits[held.indexOf(mask)];
  const { taken } = normalized(row);
  let other = -Infinity;
  for (let id = 0; id < row.length; id++) if (row[id] > other && !ids.includes(id)) other = row[id];
  return [...ids.map((id) => row[id]), other].map((score) => Math.fround(logOddsOfLog(score - taken)));
};

const ask = (bundle, reading, place) => {
  const masks = reading.held;
  if (!masks.length) throw new Error(`There is no mask in this text. Write ${bundle.mask} where a word is to be found.`);
  const chosen = checkedPlace(place, masks.length, "mask") ?? 1;
  const [mask, words] = [masks[chosen - 1], reading.fitting[chosen - 1]];
  return {
    place: chosen,
    question: {
      labels: toldApart(words.map(({ text }) => text), [OTHER]), problem_type: "one_of_many", temperature: 1,
      scores: scoresOf(mask, words.map(({ id }) => id)), about: masks.length === 1 ? "at the mask" : `at mask ${chosen}`, held: [mask], read_from: [mask],
    },
  };
};

const show = (bundle, reading, asked) => {
  const numbers = new Map(reading.held.map((place, number) => [place, number]));
  const parts = placedWords(reading.tokens, [reading.text, reading.text_pair]).flatMap(({ word, start, end }) => {
    const number = numbers.get(word.places[0]);
    return number === undefined || word.segment ? [] : [{ start, end, place: number + 1, token: word.places[0], mark: number }];
  });
  const marks = reading.fitting.map(([best]) => ({ label: best.text, share: inPercent(best.probability), tone: 0 }));
  const several = numbers.size > 1;
  const bars = answerOf(asked.reading, asked.bundle, MOST_WORDS);
  const told = several ? ["Choose a mask to see its words."] : [];
  if (bars.bars.some(({ label }) => label.startsWith("##"))) told.push("## : goes on with the word before it.");
  return {
    ...bars,
    heading: several ? `The likeliest words at mask ${asked.place} of ${numbers.size}` : "The likeliest words", title: "The text, and what fits into it",
    told: told.join(" "), ...markedText(reading.text, parts, marks, asked.place),
  };
};

const follow = (reading, place, other) => (place <= other.held.length ? place : null);

export const FILL = { title: "Fill", promise: "Write a sentence with a mask in it, get the words that fit there", text: "Text", text_pair: "", choice: "Word", ask, show, follow };
