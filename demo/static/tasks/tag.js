// A label for each word, and the entities that words make up: see `explorer/inference/tasks/tag.py`
// and `explorer/ui/tasks/tag.py`.
import { placeOf } from "../model/tokens.js";
import { answerOf, inPercent, largestPlace, probabilitiesOf } from "./logits.js";
import { checkedPlace, markedText, ownWords, placedWords, sharedWords, textOf } from "./words.js";

const PREFIXED = /^([BIELSU])-(.+)$/s;
const ONE_LABEL = { problem_type: "single_label", temperature: 1 };

// What says where an entity begins and ends, and of which kind it is.
const markOf = (label) => PREFIXED.exec(label)?.slice(1) ?? ["", label];
const rowOf = ({ logits }, place, labels) => logits.subarray(place * labels.length, (place + 1) * labels.length);

const tagged = ({ tokens, outputs }, { labels }) => {
  const words = ownWords(tokens);
  const probabilities = words.map(({ places }) => probabilitiesOf([...rowOf(outputs, places[0], labels)], ONE_LABEL));
  return { words, probabilities, likeliest: probabilities.map(largestPlace), labels };
};

const entitiesOf = ({ words, probabilities, likeliest, labels }) => {
  const alone = !labels.some((label) => label === "O" || PREFIXED.test(label));
  const groups = [];
  let [open, before] = [null, -1];
  likeliest.forEach((label, place) => {
    const name = labels[label];
    if (name === "O") return (open = null);
    const [mark, kind] = markOf(name);
    const beside = place > 0 && words[place - 1].segment === words[place].segment;
    const goesOn = !["B", "S", "U"].includes(mark) && kind === open && before === place - 1 && beside && !alone;
    if (goesOn) groups.at(-1).places.push(place);
    else groups.push({ kind, places: [place] });
    [open, before] = [["E", "L", "S", "U"].includes(mark) ? null : kind, place];
  });
  const probability = (places) => places.reduce((sum, place) => sum + probabilities[place][likeliest[place]], 0) / places.length;
  return groups.map(({ kind, places }) => ({ kind, places, probability: probability(places) }));
};
// The word of the surest entity is asked about first.
const firstAsked = (found) => entitiesOf(found).reduce((best, one) => (one.probability > best.probability ? one : best), { places: [0], probability: -1 }).places[0];

const ask = (bundle, reading, place) => {
  const found = tagged(reading, bundle);
  if (!found.words.length) throw new Error("There is no word in this text, so no word has a label.");
  const chosen = checkedPlace(place, found.words.length, "word") ?? firstAsked(found) + 1;
  const word = found.words[chosen - 1];
  const [first] = word.places;
  const scores = (outputs, encoded) => [...rowOf(outputs, placeOf(encoded, first), bundle.labels)];
  return { place: chosen, question: { ...ONE_LABEL, labels: bundle.labels, scores, about: `for “${[...textOf(word)].slice(0, 40).join("")}”`, held: word.places, read_from: [first] } };
};

const show = (bundle, reading, asked) => {
  const found = tagged(reading, bundle);
  const named = entitiesOf(found);
  const kinds = [...new Set(bundle.labels.map((label) => markOf(label)[1]))];
  const marked = new Map(named.flatMap(({ places }, mark) => places.map((place) => [place, mark])));
  const numbers = new Map(found.words.map((word, place) => [word.places[0], place]));
  const parts = placedWords(reading.tokens, [reading.text, reading.text_pair]).flatMap(({ word, start, end }) => {
    const number = numbers.get(word.places[0]);
    return word.segment ? [] : [{ start, end, place: number + 1, token: word.places[0], mark: marked.get(number) ?? null }];
  });
  const marks = named.map(({ kind, probability }) => ({ label: kind, share: inPercent(probability), tone: kinds.indexOf(kind) }));
  return {
    ...answerOf(asked.reading, asked.bundle), heading: `The label ${asked.bundle.about}`, title: "The labels of the words",
    told: `${named.length ? "" : "There is no entity in this text. "}Choose a word to ask about its label.`,
    ...markedText(reading.text, parts, marks, asked.place),
  };
};

const follow = (reading, place, other) => sharedWords(ownWords(reading.tokens), ownWords(other.tokens)).flatMap(([here, there]) => (here === place - 1 ? [there + 1] : []))[0] ?? null;

export const TAG = { title: "Tag", promise: "Write a sentence, get a label for each word", text: "Text", text_pair: "", choice: "Label", ask, show, follow };
