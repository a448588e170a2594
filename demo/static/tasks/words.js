// The words of a text, where they stand in it, and that text with some of them marked: as
// `explorer/inference/tokens.py`, `analyses/compare.py` and `ui/tasks/task.py` have it.
import { groupWords, ownText, range } from "../../explorer/web/maps/maths.js";

export const ownWords = (tokens) => groupWords(tokens).filter(({ special }) => !special);
export const textOf = (word) => ownText(word) || word.text;

// The own words, each with where it stands in its text: from which character up to which. One that
// is not there is left out.
export const placedWords = (tokens, texts) => {
  const at = [0, 0];
  return ownWords(tokens).flatMap((word) => {
    const start = texts[word.segment].indexOf(textOf(word), at[word.segment]);
    if (start < 0) return [];
    at[word.segment] = start + textOf(word).length;
    return [{ word, start, end: at[word.segment] }];
  });
};

// Names as labels, of which no two are the same: later ones are numbered. The `others` come after
// them as they are.
export const toldApart = (names, others = []) => {
  const found = [];
  for (const name of names) {
    let [label, number] = [name, 1];
    while (found.includes(label) || others.includes(label)) label = `${name} (${(number += 1)})`;
    found.push(label);
  }
  return [...found, ...others];
};

// Parts are { start, end, place, token, mark } in the order of the text: `place` is what a reader asks
// about who chooses it, `token` the one whose row of the map belongs to it, `mark` a place in `marks`.
export const markedText = (text, parts, marks, chosen = null) => {
  const pieces = [];
  let [at, before] = [0, null];
  for (const { start, end, place = null, token = null, mark = null } of parts) {
    // What stands between two parts of one mark is marked as well.
    if (start > at) pieces.push({ text: text.slice(at, start), mark: mark === before ? mark : null });
    pieces.push({ text: text.slice(start, end), place, token, mark });
    [at, before] = [end, mark];
  }
  if (at < text.length) pieces.push({ text: text.slice(at), mark: null });
  return { pieces, marks, chosen };
};

// A place from 1, among so many; null if none is named.
export const checkedPlace = (place, count, thing) => {
  if (place === null || (Number.isInteger(place) && place >= 1 && place <= count)) return place;
  throw new Error(`There is no ${thing} ${String(place).slice(0, 30)}; this text has ${thing}s 1 to ${count}.`);
};
export const checkWhole = (place, { title }) => {
  if (place !== null) throw new Error(`place is ${String(place).slice(0, 30)}, and ${title} is asked about the whole text: leave it out.`);
};

// Pairs of places of equal words, in an order that both texts keep: Ratcliff and Obershelp's matching,
// as Python's difflib has it, the longest runs first.
export const sharedWords = (first, second) => {
  const [names, others] = [first, second].map((words) => words.map((word) => `${word.special} ${textOf(word).toLowerCase()}`));
  const longest = (from, to, low, high) => {
    let best = [from, low, 0];
    let runs = new Map();
    for (let a = from; a < to; a++) {
      const next = new Map();
      for (let b = low; b < high; b++) {
        if (names[a] !== others[b]) continue;
        const length = (runs.get(b - 1) ?? 0) + 1;
        next.set(b, length);
        if (length > best[2]) best = [a - length + 1, b - length + 1, length];
      }
      runs = next;
    }
    return best;
  };
  const match = (from, to, low, high) => {
    const [a, b, length] = longest(from, to, low, high);
    if (!length) return [];
    return [...match(from, a, low, b), ...range(length).map((step) => [a + step, b + step]), ...match(a + length, to, b + length, high)];
  };
  return match(0, names.length, 0, others.length);
};
