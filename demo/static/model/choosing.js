// How the next word of a text is chosen: its settings, and what they do to scores, by the rules of
// `explorer/writing/settings.py` and `search.py`. The same seed draws the same words as there.

export const STRATEGIES = ["greedy", "beam", "sample"];
export const FIRST = { strategy: "greedy", temperature: 1, top_k: 0, top_p: 1, beams: 4, repetition_penalty: 1, no_repeat_ngram: 0, max_tokens: 64, seed: 0 };
// What each way of choosing needs of them, and what all do.
export const PARTS = { sample: ["temperature", "top_k", "top_p", "seed"], beam: ["beams"], always: ["max_tokens", "repetition_penalty", "no_repeat_ngram"] };
// The least and the most of each; of numbers with decimals here, then of whole ones.
const NUMBERS = { temperature: [0.05, 5], top_p: [0.01, 1], repetition_penalty: [0.5, 5] };
const COUNTS = { top_k: [0, 1000], beams: [2, 6], no_repeat_ngram: [0, 10], max_tokens: [1, 128], seed: [0, 2 ** 31 - 1] };
export const BOUNDS = { ...NUMBERS, ...COUNTS };

// All settings, of which `given` says some. Throws a sentence: one is none, or out of its bounds.
export const checkedSettings = (given, called = {}) => {
  if (given.strategy !== undefined && !STRATEGIES.includes(given.strategy)) throw new Error(`strategy is “${String(given.strategy).slice(0, 30)}”; expected one of ${STRATEGIES.join(", ")}.`);
  for (const [name, [least, most]] of Object.entries(BOUNDS)) {
    const value = given[name];
    if (value === undefined) continue;
    if (typeof value === "number" && value >= least && value <= most && (name in NUMBERS || Number.isInteger(value))) continue;
    const said = value === null || value === "" ? "empty" : `“${String(value).slice(0, 30)}”`;
    throw new Error(`${called[name] ?? name} is ${said}; expected a ${name in NUMBERS ? "number" : "whole number"} from ${least} to ${most}.`);
  }
  return { ...FIRST, ...given };
};
// The same of all fields of a form: those of another way than the chosen one are out of sight, and left.
export const chosenSettings = ({ strategy, ...given }, called) => {
  const names = [...(PARTS[strategy] ?? []), ...PARTS.always];
  return checkedSettings({ strategy, ...Object.fromEntries(names.map((name) => [name, given[name]])) }, called);
};
// Those that are not as they first were.
export const unusualSettings = (settings) => Object.fromEntries(Object.entries(settings).filter(([name, value]) => value !== FIRST[name]));

// ---- Scores: Float32Array of the vocabulary; what is ruled out has -Infinity.

// A float32 product rounds once, as numpy's does.
const penalised = (scores, written, penalty) => {
  const [changed, factor] = [scores.slice(), Math.fround(penalty)];
  for (const id of new Set(written)) changed[id] = scores[id] < 0 ? scores[id] * factor : scores[id] / factor;
  return changed;
};
// Rules out every word that would end a run of `size` words which is there already.
const withoutRepeatedRuns = (scores, written, size) => {
  const prefix = written.slice(written.length - size + 1);
  if (prefix.length < size - 1) return scores;
  const changed = scores.slice();
  for (let start = 0; start + size <= written.length; start++) {
    if (prefix.every((id, step) => written[start + step] === id)) changed[written[start + size - 1]] = -Infinity;
  }
  return changed;
};
// What every strategy applies over all that was written, the start token included.
export const againstRepeats = (scores, written, { repetition_penalty, no_repeat_ngram }) => {
  const found = repetition_penalty === 1 ? scores : penalised(scores, written, repetition_penalty);
  return no_repeat_ngram ? withoutRepeatedRuns(found, written, no_repeat_ngram) : found;
};

// Plain loops: there are tens of thousands of scores, and each step of a text goes through them.
const largest = (scores) => {
  let most = -Infinity;
  for (let at = 0; at < scores.length; at++) if (scores[at] > most) most = scores[at];
  return most;
};
// What makes logarithms of probabilities of scores when it is taken from them, and the entropy of
// these in bits.
export const normalized = (scores) => {
  const most = largest(scores);
  let [whole, mixed] = [0, 0];
  for (let at = 0; at < scores.length; at++) {
    const above = scores[at] - most;
    const share = Math.exp(above);
    whole += share;
    if (share) mixed += share * above;
  }
  return { taken: most + Math.log(whole), entropy: Math.max((Math.log(whole) - mixed / whole) / Math.LN2, 0) };
};
export const logSoftmax = (scores) => {
  const [{ taken }, logs] = [normalized(scores), new Float64Array(scores.length)];
  for (let at = 0; at < scores.length; at++) logs[at] = scores[at] - taken;
  return logs;
};

// The places of the `count` largest, the largest first; of equal ones the first.
export const topOf = (values, count) => {
  const best = [];
  let least = -Infinity; // from which one is among them
  for (let at = 0; at < values.length; at++) {
    if (values[at] <= least && best.length === count) continue;
    let place = best.length;
    while (place > 0 && values[best[place - 1]] < values[at]) place -= 1;
    best.splice(place, 0, at);
    if (best.length > count) best.pop();
    least = values[best.at(-1)];
  }
  return best;
};

const withTopK = (scores, count) => {
  const least = scores.slice().sort().at(-Math.min(count, scores.length));
  return scores.map((score) => (score < least ? -Infinity : score));
};
// Rules out the unlikeliest while what stays has at least this probability (Holtzman et al. 2020).
const withTopP = (scores, share) => {
  const [logs, changed] = [logSoftmax(scores), scores.slice()];
  const order = Uint32Array.from(scores, (_, id) => id).sort((a, b) => scores[a] - scores[b] || a - b);
  let below = 0;
  for (const id of order.subarray(0, -1)) {
    below += Math.exp(logs[id]);
    if (below > Math.fround(1 - share)) break;
    changed[id] = -Infinity;
  }
  return changed;
};
const forSampling = (scores, { temperature, top_k, top_p }) => {
  let found = scores.map((score) => score / Math.fround(temperature));
  if (top_k) found = withTopK(found, top_k);
  return top_p < 1 ? withTopP(found, top_p) : found;
};

export const likeliest = (scores) => {
  let best = 0;
  for (let at = 1; at < scores.length; at++) if (scores[at] > scores[best]) best = at;
  return best;
};
// `random` gives numbers from 0 up to 1.
export const chosen = (scores, settings, random) => {
  // With nothing left to draw from as well.
  if (settings.strategy === "greedy" || scores.every((score) => score === -Infinity)) return likeliest(scores);
  const shares = logSoftmax(forSampling(scores, settings)).map(Math.exp);
  const sums = shares.map(((sum) => (share) => (sum += share))(0));
  const drawn = random();
  return sums.findIndex((sum) => sum / sums.at(-1) > drawn);
};

// ---- numpy's `default_rng(seed).random()`: SeedSequence, and PCG64 (O'Neill 2014).

const MULTIPLIER = 0x2360ed051fc65da44385df649fccf645n;
const [BITS_64, BITS_128] = [(1n << 64n) - 1n, (1n << 128n) - 1n];

const hashing = (first, multiplier) => {
  let constant = first;
  return (value) => {
    const mixed = value ^ constant;
    constant = Math.imul(constant, multiplier);
    const found = Math.imul(mixed, constant);
    return found ^ (found >>> 16);
  };
};
// Eight words of 32 bits.
const seedWords = (seed) => {
  const hash = hashing(0x43b0d7e5, 0x931e8875);
  const pool = [seed, 0, 0, 0].map(hash);
  for (let from = 0; from < 4; from++) {
    for (let to = 0; to < 4; to++) {
      if (from === to) continue;
      const mixed = Math.imul(0xca01f9dd, pool[to]) - Math.imul(0x4973f715, hash(pool[from]));
      pool[to] = mixed ^ (mixed >>> 16);
    }
  }
  const out = hashing(0x8b51f9dd, 0x58f38ded);
  return Array.from({ length: 8 }, (_, place) => BigInt(out(pool[place % 4]) >>> 0));
};
export const randomFrom = (seed) => {
  const words = seedWords(seed);
  const [high, low, other, last] = [0, 2, 4, 6].map((place) => words[place] | (words[place + 1] << 32n));
  const increment = ((((other << 64n) | last) << 1n) | 1n) & BITS_128;
  const stepped = (state) => (state * MULTIPLIER + increment) & BITS_128;
  let state = stepped((stepped(0n) + ((high << 64n) | low)) & BITS_128);
  return () => {
    state = stepped(state);
    const mixed = ((state >> 64n) ^ state) & BITS_64;
    const turn = state >> 122n;
    const bits = ((mixed >> turn) | (mixed << (64n - turn))) & BITS_64;
    return Number(bits >> 11n) / 2 ** 53;
  };
};
