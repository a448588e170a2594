// Writes for a source that the encoder has read, as `explorer/writing/generator.py` does: the
// likeliest word at each step, one drawn by its probability, or the best of several beginnings.
import { againstRepeats, chosen, logSoftmax, normalized, randomFrom, topOf } from "./choosing.js";

const CANDIDATES = 10;
const PAUSE = 100; // milliseconds between two states of a growing text: drawing one takes as long as writing it
const KEPT = ["past_key_values", "present"]; // what a run is given, and gives, of the cache

const range = (count) => Array.from({ length: count }, (_, place) => place);

// What is told of a choice among logits.
const choiceOf = (logits, id) => {
  const { taken, entropy } = normalized(logits);
  const probability = (one) => Math.exp(logits[one] - taken);
  const candidates = topOf(logits, Math.min(CANDIDATES, logits.length)).map((one) => [one, probability(one)]);
  return { id, probability: probability(id), entropy, candidates };
};

// `tensor(type, dims, value)` makes one that is full of a value; `names` are those of targetTokens.
export const openWriter = ({ ort, session, masks, names, start, end, layers, heads, tensor }) => {
  const past = session.inputNames.filter((name) => name.startsWith(KEPT[0]));
  const shapes = Object.fromEntries(session.inputMetadata.map(({ name, shape }) => [name, shape]));
  const [own, cross, ofValues] = ["decoder_attentions", "cross_attentions", "cross_value_norms"].map((kind) => range(layers).map((layer) => `${kind}.${layer}`));

  const begin = (hidden) => {
    const feed = { encoder_hidden_states: hidden, encoder_attention_mask: tensor("int64", hidden.dims.slice(0, 2), 1) };
    for (const name of past) feed[name] = tensor("float32", [1, shapes[name][1], 0, shapes[name][3]], 0);
    for (const name of masks) feed[name] = tensor("float32", [1, layers, heads], 1);
    return { feed, norms: null };
  };
  // One step of several texts on one source. The source's keys and values, and their norms, are made
  // by the first step.
  const run = async ({ feed, norms }, last) => {
    const kept = past.filter((name) => !norms || name.includes(".decoder."));
    const ids = new ort.Tensor("int64", BigInt64Array.from(last, BigInt), [last.length, 1]);
    const present = kept.map((name) => name.replace(...KEPT));
    const found = await session.run({ ...feed, input_ids: ids }, ["logits", ...own, ...cross, ...(norms ? [] : ofValues), ...present]);
    const given = Object.fromEntries(kept.map((name, at) => [name, found[present[at]]]));
    const rowOf = (data, row) => data.subarray((row * data.length) / last.length, ((row + 1) * data.length) / last.length);
    const together = (kind, row) => {
      const parts = kind.map((name) => rowOf(found[name].data, row));
      const whole = new Float32Array(parts.length * parts[0].length);
      parts.forEach((part, layer) => whole.set(part, layer * part.length));
      return whole;
    };
    return {
      logits: last.map((_, row) => rowOf(found.logits.data, row)),
      record: (row, id) => ({ ...choiceOf(rowOf(found.logits.data, row), id), own: together(own, row), cross: together(cross, row) }),
      cache: { feed: { ...feed, ...given }, norms: norms ?? together(ofValues, 0) },
    };
  };
  // A cache whose text i goes on from text `rows[i]` of this one.
  const follow = ({ feed, norms }, rows, count) => {
    if (rows.length === count && rows.every((row, place) => row === place)) return { feed, norms };
    const moved = Object.entries(feed).flatMap(([name, { type, data, dims }]) => {
      if (masks.includes(name) || (rows.length === count && !name.includes(".decoder."))) return [];
      const size = data.length / count;
      const whole = new data.constructor(rows.length * size);
      rows.forEach((row, place) => whole.set(data.subarray(row * size, (row + 1) * size), place * size));
      return [[name, new ort.Tensor(type, whole, [rows.length, ...dims.slice(1)])]];
    });
    return { feed: { ...feed, ...Object.fromEntries(moved) }, norms };
  };

  // Each gives all steps so far, and the norms, after every new one.
  const oneByOne = async function* (cache, settings) {
    const [random, written, steps] = [randomFrom(settings.seed), [start], []];
    while (steps.length < settings.max_tokens) {
      const found = await run(cache, written.slice(-1));
      const id = chosen(againstRepeats(found.logits[0], written, settings), settings, random);
      written.push(id);
      steps.push(found.record(0, id));
      cache = found.cache;
      yield { steps, norms: cache.norms };
      if (id === end) return;
    }
  };
  // The best twice `beams` ways to go on, the best first.
  const continuations = (running, logits, settings) => {
    const many = 2 * settings.beams;
    const ways = running.flatMap((beam, row) => {
      const logs = againstRepeats(logSoftmax(logits[row]), beam.ids, settings);
      return topOf(logs, many).map((id) => ({ row, id, score: logs[id] + beam.score }));
    });
    return ways.filter(({ score }) => score > -Infinity).sort((a, b) => b.score - a.score).slice(0, many);
  };
  // See `beam_search` in Python for when a text has won.
  const beamSearch = async function* (cache, settings) {
    const { beams, max_tokens } = settings;
    let [running, ended] = [[{ score: 0, ids: [start], steps: [] }], []];
    while (running.length) {
      const found = await run(cache, running.map(({ ids }) => ids.at(-1)));
      const [best, length, before] = [continuations(running, found.logits, settings), running[0].ids.length, running];
      const ends = ({ id }) => length >= max_tokens || id === end;
      const extended = ({ row, id, score }, share) => ({ score: score / share, ids: [...before[row].ids, id], steps: [...before[row].steps, found.record(row, id)] });
      // Only the best `beams` of twice as many may end; the others are there to go on.
      ended = [...ended, ...best.slice(0, beams).filter(ends).map((one) => extended(one, length))].sort((a, b) => b.score - a.score).slice(0, beams);
      const going = best.filter((one) => !ends(one)).slice(0, beams);
      running = going.map((one) => extended(one, 1));
      if (running.length && ended.length === beams && running[0].score / length <= ended.at(-1).score) running = [];
      if (running.length || ended.length) yield { steps: (running[0] ?? ended[0]).steps, norms: found.cache.norms };
      if (running.length) cache = follow(found.cache, going.map(({ row }) => row), before.length);
    }
  };

  // A step for people, which follows another.
  const named = (step, before) => {
    const text = before && (({ own: typed, text: shown }) => typed ?? shown)(names.token(before.id));
    const token = (id) => names.token(id, text);
    return { ...step, token: token(step.id), named: step.candidates.map(([id]) => token(id)), ends: step.id === end };
  };
  // Gives the text as often as somebody sees it change, and once it is whole: `from`, up to which
  // steps stay as they were, `steps` from there on, each with what it attended to (`own` of shape
  // (layers, heads, written), `cross` (layers, heads, source)), the `text`, and at first `norms`.
  return async function* (hidden, settings) {
    const strategy = settings.strategy === "beam" ? beamSearch : oneByOne;
    let [told, at, latest] = [[], -Infinity, null];
    const news = ({ steps, norms }) => {
      let from = 0;
      while (from < told.length && told[from] === steps[from]) from += 1;
      const first = !told.length;
      [told, at] = [[...steps], performance.now()];
      return {
        from, steps: steps.slice(from).map((step, place) => named(step, steps[from + place - 1] ?? null)),
        text: names.text(steps.map(({ id }) => id)), ...(first ? { norms, start: names.token(start) } : {}),
      };
    };
    for await (latest of strategy(begin(hidden), settings)) if (performance.now() - at >= PAUSE) yield news(latest);
    if (latest && (latest.steps.length !== told.length || latest.steps.some((step, place) => step !== told[place]))) yield news(latest);
  };
};
