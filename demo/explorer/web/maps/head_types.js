// What kind of head a head is, by where its attention goes (Clark et al. 2019, "What Does BERT Look
// At?"): the rules of explorer/maps/head_types.py. Nothing here touches a page.
import { mergeWords, ownText, range } from "./maths.js";

export const LEAST_SHARE = 0.5; // of a head's attention, to be of a type
export const LEAST_LIFT = 2; // times what even attention would put there
export const LEAST_ENTROPY = 0.8; // of the largest possible, to be broad
export const MOST_ENTROPY = 0.2; // to be focused

const isPunctuation = (text) => /^\p{P}+$/u.test(text);
// As Python's casefold: "ß" is "ss", and a sigma is the same at a word's end.
const lettersOf = (token) => {
  const text = ownText(token);
  return isPunctuation(text) ? "" : text.toUpperCase().toLowerCase().replaceAll("ς", "σ");
};

const columnTypes = (keys) => {
  const pieces = [...new Set(keys.filter(({ special }) => special).map(({ piece }) => piece))];
  const sets = pieces.map((name) => [name, (_, key) => keys[key].piece === name]);
  return [...sets, ["punctuation", (_, key) => isPunctuation(ownText(keys[key]))]];
};

const sameWord = (queries, keys) => {
  const [own, other] = [queries.map(lettersOf), keys.map(lettersOf)];
  return (query, key) => own[query] !== "" && own[query] === other[key];
};

const encoderTypes = (tokens) => {
  const near = (query, key) => tokens[key] && !tokens[key].special && tokens[key].segment === tokens[query].segment;
  const same = sameWord(tokens, tokens);
  return [
    ["itself", (query, key) => query === key],
    ["previous word", (query, key) => key === query - 1 && near(query, key)],
    ["next word", (query, key) => key === query + 1 && near(query, key)],
    ...columnTypes(tokens),
    ["same word", (query, key) => query !== key && same(query, key)],
    ["other text", (query, key) => !tokens[key].special && tokens[key].segment !== tokens[query].segment],
  ];
};

// `given`: how many of the keys were there before the first query; 0 where they are the source.
const back = (keys, given, steps) => (query, key) => key === query + given - steps && !keys[key].special;
const writtenTypes = (queries, keys, given) => [
  ...(given ? [["previous word", back(keys, given, 1)], ["two words back", back(keys, given, 2)]] : []),
  ...columnTypes(keys),
  ["same word", sameWord(queries, keys)],
];

// Attention that prefers nothing, between all of the two sides.
const evenMap = ({ rows, columns, given }, { queries, keys }) => {
  const even = new Float32Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    const seen = given ? Math.min(row + given, columns) : columns;
    even.fill(1 / seen, row * columns, row * columns + seen);
  }
  return mergeWords(even, queries, keys);
};

const meanOver = (map, { cells, rows }) => cells.reduce((sum, cell) => sum + map[cell], 0) / rows;

// What heads are measured by, made once for all heads of a text: for each type its cells, and the
// number of rows that can be of it. Where a text has no words, its special tokens' rows count.
export const measureOf = (maps, how) => {
  const [queries, keys] = [how.queries.whole, how.keys.whole];
  const anyOwn = queries.some(({ special }) => !special);
  const counted = range(queries.length).filter((query) => queries[query].special !== anyOwn);
  const even = evenMap(maps, how);
  const given = keys.filter(({ places }) => places[0] < maps.given).length;
  const found = maps.ofOneText ? encoderTypes(queries) : writtenTypes(queries, keys, given);
  const types = found.map(([name, holds]) => {
    const byRow = counted.map((query) => range(keys.length).filter((key) => holds(query, key)).map((key) => query * keys.length + key));
    const filled = byRow.filter((cells) => cells.length);
    const type = { name, cells: filled.flat(), rows: filled.length };
    return { ...type, byChance: meanOver(even, type) };
  });
  const visible = range(queries.length).map((query) => range(keys.length).filter((key) => even[query * keys.length + key] > 0).length);
  return { types: types.filter(({ rows }) => rows), visible, columns: keys.length };
};

// The entropy of a map's rows as a share of the largest possible, mean over rows with a choice.
export const entropyOf = (map, { visible, columns }) => {
  let [whole, rows] = [0, 0];
  visible.forEach((seen, row) => {
    if (seen < 2) return;
    let nats = 0;
    for (let at = row * columns; at < (row + 1) * columns; at++) if (map[at] > 0) nats -= map[at] * Math.log(map[at]);
    whole += nats / Math.log(seen);
    rows += 1;
  });
  return rows ? Math.min(Math.max(whole / rows, 0), 1) : 0;
};

// { name, score, entropy, closest }: the share that earned the type, or of the one that came closest.
export const headType = (map, measure) => {
  const shares = measure.types.map((type) => ({ ...type, share: meanOver(map, type) }));
  const entropy = entropyOf(map, measure);
  const most = (some) => some.reduce((best, one) => (!best || one.share > best.share ? one : best), null);
  const fit = most(shares.filter(({ share, byChance }) => share >= LEAST_SHARE && share >= LEAST_LIFT * byChance));
  if (fit) return { name: fit.name, score: fit.share, entropy, closest: fit.name };
  if (entropy >= LEAST_ENTROPY) return { name: "broad", score: entropy, entropy, closest: "" };
  if (entropy <= MOST_ENTROPY) return { name: "focused", score: entropy, entropy, closest: "" };
  const best = most(shares);
  return { name: "mixed", score: Math.max(best?.share ?? 0, 0), entropy, closest: best?.name ?? "" };
};
