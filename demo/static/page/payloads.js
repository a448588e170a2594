// What the page's widgets receive, as `explorer/ui/payloads.py`, `map_viewer.py` and `wording.py` make
// it on a server. `bundle` is bundle.json, with its `task`, `map_layers` from 0, and `most_tokens`, so
// many as a text may have.
import { groupWords, ownText, range } from "../../explorer/web/maps/maths.js";
import { unusualSettings } from "../model/choosing.js";
import { labelOf } from "../model/tokens.js";
import { inSight } from "./wording.js";

const UNKNOWN = ["[UNK]", "<unk>"];

const comma = (count) => count.toLocaleString("en");

// The texts that a tab offers, as they are shown; one is read as the bundle has it.
export const examplesOf = (examples) => examples.map(({ text, text_pair }) => ({ text: inSight(text), text_pair: inSight(text_pair ?? "") }));

// What a reader should know about how a text was read.
export const noticesOf = ({ text, text_pair, tokens, left_out }, bundle, shown = "the answer and of the maps") => {
  const words = tokens.filter(({ special }) => !special);
  const found = [];
  if (left_out) {
    const apart = bundle.task === "embed";
    const reads = apart
      ? `At most ${comma(bundle.most_tokens)} tokens of each text are read`
      : bundle.most_tokens === bundle.max_tokens
        ? `The model reads ${bundle.max_tokens} tokens at most`
        : `The model could read ${comma(bundle.max_tokens)} tokens, but the maps of so many would take too much memory and time: this page reads ${comma(bundle.most_tokens)} at most`;
    found.push(`${reads}, and ${apart ? "both have" : "this text has"} ${comma(tokens.length + left_out)}: ${comma(left_out)} were left out of ${shown}.`);
  }
  if (!words.length) found.push("The tokenizer drops all that is in this text: the model reads an empty one.");
  const unknown = words.filter(({ piece }) => UNKNOWN.includes(piece));
  if (unknown.length) found.push(`${unknown.length} of ${words.length} tokens ${unknown.length === 1 ? "is" : "are"} not in the model's vocabulary, and read as ${unknown[0].piece}, the same for all unknown ones.`);
  if (!/[\p{L}\p{N}]/u.test(text + text_pair)) found.push("There is no letter and no digit in this text. Unless the model learned from such texts, what it says of this one means nothing.");
  return found;
};

// ---- Rows that say what reaches the token that the answer is read from: see `rollout_row` and
// `last_row` of explorer/maps/view.py.

const keptHeads = ({ heads, without, map_layers }, layer) => range(heads).filter((head) => !without.some((out) => out[0] === map_layers[layer] + 1 && out[1] === head + 1));

// A row of numbers, one a token, times the mean of a layer's heads that are in; null if none is. Layers
// are those with maps, by their places.
const throughLayer = (reading, layer, row) => {
  const kept = keptHeads(reading, layer);
  const count = reading.tokens.length;
  if (!kept.length) return null;
  const found = new Float64Array(count);
  for (const head of kept) {
    const start = (layer * reading.heads + head) * count * count;
    row.forEach((share, query) => {
      if (share) for (let key = 0; key < count; key++) found[key] += share * reading.weights[start + query * count + key];
    });
  }
  return found.map((value) => value / kept.length);
};
const alone = ({ tokens }, places) => Float64Array.from(tokens, (_, place) => (places.includes(place) ? 1 / places.length : 0));
const rolloutRow = (reading) =>
  range(reading.map_layers.length).reduceRight((row, layer) => {
    const passed = throughLayer(reading, layer, row);
    return passed ? row.map((share, place) => 0.5 * passed[place] + 0.5 * share) : row;
  }, alone(reading, [reading.cls]));
const lastRow = (reading, places) => throughLayer(reading, reading.map_layers.length - 1, alone(reading, places)) ?? alone(reading, places);

// What each of these words gets from where the answer is read, in the last layer that has maps, mean
// over its heads.
export const attentionReceived = (reading, words) => {
  const row = lastRow(reading, reading.read_from);
  return words.map(({ places }) => places.reduce((sum, place) => sum + row[place], 0));
};

// The words from which the answer is read, or from pieces of which; their attention counts.
export const looksOf = ({ read_from, tokens }) => {
  if (read_from.length === tokens.length) return "all tokens on average";
  const words = groupWords(tokens).filter(({ places }) => places.some((place) => read_from.includes(place)));
  const names = [...new Set(words.map((word) => ownText(word) || word.text))];
  return names.length === 1 ? names[0] : `${names.join(" and ")} on average`;
};

// ---- Maps: see explorer/web/maps/README.md.

const dataOf = (bundle, reading, layers, heads) => ({
  layers: layers.map((layer) => layer + 1), all_layers: true, heads, busy: false, pair: false, left_out: 0, without: false, rollout: null,
  of: { model: bundle.title, text: reading.text, text_pair: reading.text_pair },
  text: JSON.stringify([reading.text, reading.text_pair]),
});

// `place` is the word or mask that is asked about, from 1, for a link to it.
export const mapsOfReading = (bundle, reading, canAblate, place = null) => {
  const [data, all] = [dataOf(bundle, reading, reading.map_layers, reading.heads), reading.map_layers.length === reading.layers];
  const ofClass = bundle.task === "classify"; // read from the token that rollout is of
  const { read_from = [reading.cls] } = reading; // where nothing could be asked
  return {
    ...data, all_layers: all, of: { ...data.of, ...(place === null ? {} : { place }) },
    reading: JSON.stringify([reading.text, reading.text_pair, reading.without]),
    pair: Boolean(reading.text_pair), left_out: reading.left_out, without: canAblate ? reading.without : false, first: ofClass || read_from.length > 2 ? null : read_from[0],
    sides: [{ name: "", tokens: reading.tokens }],
    attentions: [{ looks_at: "self", label: "", queries: 0, keys: 0, kind: "", given: 0, has_norms: true, weights: reading.weights, norms: reading.norms }],
    rollout: ofClass && all ? { query: reading.cls, rows: [rolloutRow(reading), lastRow(reading, [reading.cls])].map((row) => [...row]) } : null,
  };
};

// The head whose words look most firmly at distant words: a good first view (`first_head`).
export const firstHead = ({ map_layers, heads, weights, tokens }) => {
  const words = groupWords(tokens).filter(({ special }) => !special);
  const place = groupWords(tokens).flatMap(({ special }, at) => (special ? [] : [at]));
  if (words.length < 2) return { layer: map_layers[0] + 1, head: 1 };
  const count = tokens.length;
  const between = (start, query, key) => query.places.reduce((sum, row) => sum + key.places.reduce((all, column) => all + weights[start + row * count + column], 0), 0) / query.places.length;
  const firmness = range(map_layers.length * heads).map((at) => {
    const best = words.map((query, row) => words.reduce((most, key, column) => (Math.abs(place[row] - place[column]) > 1 ? Math.max(most, between(at * count * count, query, key)) : most), 0));
    return best.reduce((sum, one) => sum + one, 0) / words.length;
  });
  const at = firmness.reduce((best, value, one) => (value > firmness[best] ? one : best), 0);
  return { layer: map_layers[Math.floor(at / heads)] + 1, head: (at % heads) + 1 };
};

// ---- A text that is being written: { source, start, steps, text, norms, settings }, each step, and the
// source with its maps, as the engine gives it.

// Its maps of all steps; a step could see what was written before it.
const rowsOf = (steps, maps, columns, name) => {
  const found = new Float32Array(maps * steps.length * columns);
  steps.forEach((step, row) => {
    const own = step[name].length / maps;
    for (let map = 0; map < maps; map++) found.set(step[name].subarray(map * own, (map + 1) * own), (map * steps.length + row) * columns);
  });
  return found;
};

// The word whose choice was the most open (`first_step`).
const firstStep = ({ steps }) => {
  const openness = steps.map(({ entropy, token }) => (/[\p{L}\p{N}]/u.test(ownText(token)) ? entropy : -1));
  return openness.reduce((best, value, place) => (value > openness[best] ? place : best), 0);
};

export const mapsOfGeneration = (bundle, generation, busy) => {
  const { source, start, steps, norms, settings } = generation;
  const { layers, heads } = bundle.decoder;
  const tokens = steps.map(({ token }) => token);
  const [one, other, own] = [{ queries: 0, keys: 1, looks_at: "source" }, { queries: 0, keys: 2, looks_at: "written" }, { queries: 1, keys: 1, looks_at: "self" }];
  const data = dataOf(bundle, source, range(layers), heads);
  return {
    ...data,
    of: { ...data.of, settings: unusualSettings(settings) }, // for a link
    reading: JSON.stringify([source.text, steps.map(({ id }) => id)]), busy, first: busy ? tokens.length - 1 : firstStep(generation),
    sides: [{ name: "Generated", tokens }, { name: "The source", tokens: source.tokens }, { name: "What was there before each of them", tokens: [start, ...tokens.slice(0, -1)] }],
    attentions: [
      { ...one, label: "Generated text to the source (cross-attention)", kind: "Cross-attention", given: 0, has_norms: true, weights: rowsOf(steps, layers * heads, source.tokens.length, "cross"), norms },
      { ...other, label: "Generated text to itself (self-attention)", kind: "Self-attention", given: 1, has_norms: false, weights: rowsOf(steps, layers * heads, steps.length, "own"), norms: null },
      {
        ...own, label: "Source to itself (the encoder's self-attention)", kind: "Encoder", given: 0, has_norms: true, weights: source.weights, norms: source.norms,
        layers: source.map_layers.map((layer) => layer + 1), heads: source.heads, all_layers: source.map_layers.length === source.layers,
      },
    ],
  };
};

// The head of cross-attention that follows the source best (`first_cross_head`).
export const firstCrossHead = (bundle, { source, steps }) => {
  const words = range(source.tokens.length).filter((place) => !source.tokens[place].special);
  const { layers, heads } = bundle.decoder;
  if (!words.length) return { layer: 1, head: 1 };
  const count = source.tokens.length;
  const score = range(layers * heads).map((map) => {
    const rows = steps.map(({ cross }) => words.map((place) => cross[map * count + place]));
    const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
    return mean(rows.map((row) => Math.max(...row))) - Math.max(...words.map((_, at) => mean(rows.map((row) => row[at]))));
  });
  const at = score.reduce((best, value, one) => (value > score[best] ? one : best), 0);
  return { layer: Math.floor(at / heads) + 1, head: (at % heads) + 1 };
};

const inTokens = (count) => `${count} token${count === 1 ? "" : "s"}`;
const stateOf = ({ steps, settings }, bundle, busy) => {
  const [written, most, room] = [inTokens(steps.length), settings.max_tokens, bundle.decoder.max_tokens];
  if (busy) return `${written} so far`;
  if (steps.at(-1).ends) return `${written}, ended by itself`;
  if (steps.length < Math.min(most, room)) return `${written}, unfinished: stopped`;
  return `${written}, stopped at the limit of ${inTokens(steps.length)}${steps.length < room ? "" : ", as many as this decoder can write"}`;
};

// What a reader should know of a source (`write_notices`).
export const writeNoticesOf = ({ source, settings }, bundle) => {
  const { max_tokens, task, checkpoint: { data, recipe } = {} } = bundle.decoder;
  const found = noticesOf(source, bundle, "what the decoder sees and of the maps");
  const [length, most] = [source.tokens.length, Math.min(settings.max_tokens, max_tokens)];
  const words = source.tokens.filter(({ special, continues }) => !special && !continues).length;
  const learned = data?.longest ?? (task === "restore" ? recipe?.longest : null) ?? words;
  // The start token does not come back.
  if (task === "restore" && length > most + 1) found.push(`The source has ${length} tokens, and at most ${most} are written: its end will be missing. Shorten the source, or allow more tokens if the decoder can write them.`);
  if (words > learned) found.push(`The source has ${words} words, and this decoder learned from sources of ${learned} words at most: it may lose its way.`);
  return found;
};

export const writtenOf = (bundle, generation, busy) => ({
  source: generation.source.text, busy, state: stateOf(generation, bundle, busy), text: generation.text,
  tokens: generation.steps.map(({ token, id, probability, entropy, candidates, named }) => ({
    ...token,
    step: { text: labelOf(token), probability, entropy, candidates: candidates.map(([one, share], place) => ({ text: labelOf(named[place]), share, chosen: one === id })) },
  })),
  first: firstStep(generation), prompt: "", repair: null,
});
