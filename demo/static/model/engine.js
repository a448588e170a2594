// Runs a bundle's graphs with onnxruntime-web: texts in; answers, maps and written tokens out.
// `explorer/inference` does the same in Python.
import { normalized, topOf } from "./choosing.js";
import { joined, parted, targetTokens, textEncoder } from "./tokens.js";
import { openWriter } from "./writing.js";

const MASKS = ["head_mask", "cross_head_mask"];
const MOST_MASKS = 16; // of a text of which words are asked
const MOST_WORDS = 10; // that are named at each
// What a graph gives by the task of its bundle.
const ANSWERS = { classify: ["logits"], tag: ["logits"], answer: ["start_logits", "end_logits"], fill: ["logits"], embed: ["last_hidden_state"] };

// The fields of a protobuf's message that have a length: their numbers, and where they begin and end.
const fieldsOf = function* (bytes, from, to) {
  let at = from;
  const number = () => {
    for (let [value, scale] = [0, 1]; ; scale *= 128) {
      const byte = bytes[at++];
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  while (at < to) {
    const key = number();
    const kind = key % 8; // a number, eight bytes, a length, four bytes
    const size = kind === 2 ? number() : 0;
    if (kind === 2) yield [Math.floor(key / 8), at, at + size];
    at += { 1: 8, 2: size, 5: 4 }[kind] ?? 0;
    if (kind === 0) number();
  }
};
const only = function* (bytes, wanted, from, to) {
  for (const [field, start, end] of fieldsOf(bytes, from, to)) if (field === wanted) yield [start, end];
};
// A head mask has a default in the graph, and onnxruntime-web refuses an input that has one. So the
// default's name is changed in the file's bytes: the mask becomes an input that has to be fed. Names
// are field 8 of a tensor, tensors field 5 of a graph, which is field 7. Gives those of the masks.
export const feedMasks = (bytes) => {
  const found = [];
  for (const graph of only(bytes, 7, 0, bytes.length)) {
    for (const tensor of only(bytes, 5, ...graph)) {
      for (const [from, to] of only(bytes, 8, ...tensor)) {
        const name = new TextDecoder().decode(bytes.subarray(from, to));
        if (!MASKS.includes(name)) continue;
        found.push(name);
        bytes[from] = 0x5f;
      }
    }
  }
  return found;
};

const range = (count) => Array.from({ length: count }, (_, place) => place);
const sizeOf = (dims) => dims.reduce((size, one) => size * one, 1);
// Arrays one behind the other.
const stacked = (arrays) => {
  const found = new Float32Array(arrays.reduce((size, { length }) => size + length, 0));
  let at = 0;
  for (const array of arrays) {
    found.set(array, at);
    at += array.length;
  }
  return found;
};

// `manifest` is bundle.json, `file` gives a file of the bundle by its name there.
export const openEngine = async ({ ort, Tokenizer, manifest, file, most }) => {
  const json = async (name) => JSON.parse(new TextDecoder().decode(await file(name)));
  const openTokenizer = async (folder) => new Tokenizer(...(await Promise.all([json(`${folder}tokenizer.json`), json(`${folder}tokenizer_config.json`)])));
  const openGraph = async (task) => {
    const graphs = manifest.graphs[task];
    const bytes = await file((graphs["8bit"] ?? graphs.float32).file);
    const masks = feedMasks(bytes);
    const session = await ort.InferenceSession.create(bytes, { executionProviders: ["wasm"], logSeverityLevel: 3 });
    return { session, masks: masks.filter((name) => session.inputNames.includes(name)) };
  };
  const filled = (type, dims, value) => {
    const whole = type === "int64";
    return new ort.Tensor(type, new (whole ? BigInt64Array : Float32Array)(sizeOf(dims)).fill(whole ? BigInt(value) : value), dims);
  };

  const { layers, heads } = manifest.sizes;
  const task = Object.keys(ANSWERS).find((name) => manifest.tasks.includes(name)) ?? "encode";
  const answers = ANSWERS[task] ?? [];
  const map_layers = manifest.map_layers ?? range(layers);
  const [{ session, masks }, tokenizer, config] = await Promise.all([openGraph(task), openTokenizer(""), json("tokenizer_config.json")]);
  const { encode, wordOf, mask, maskId } = textEncoder(tokenizer, most, config);
  const canAblate = masks.includes("head_mask");
  const startOf = ({ ids }, length) => (config.padding_side === "left" ? length - ids.length : 0);

  const feedOf = (texts, headMasks) => {
    const length = Math.max(...texts.map(({ ids }) => ids.length));
    const dims = [texts.length, length];
    const feed = Object.fromEntries(["input_ids", "attention_mask", "token_type_ids"].map((name) => [name, filled("int64", dims, 0)]));
    texts.forEach(({ ids, segments }, row) =>
      ids.forEach((id, column) => {
        const at = row * length + column + startOf({ ids }, length);
        feed.input_ids.data[at] = BigInt(id);
        feed.attention_mask.data[at] = 1n;
        feed.token_type_ids.data[at] = BigInt(segments[column]);
      }),
    );
    for (const name of Object.keys(feed)) if (!session.inputNames.includes(name)) delete feed[name];
    if (canAblate) feed.head_mask = headMasks ? new ort.Tensor("float32", stacked(headMasks), [headMasks.length, layers, heads]) : filled("float32", [1, layers, heads], 1);
    return feed;
  };

  // What the graph gave for the model's task, of one text of a run, without padding.
  const outputsOf = (found, row, { ids, held }) =>
    Object.fromEntries(
      answers.map((name) => {
        const { data, dims: [rows, length] } = found[name];
        const size = data.length / rows;
        const own = data.slice(row * size, (row + 1) * size);
        if (task === "classify") return [name, own];
        const of = (place, count) => own.slice(((startOf({ ids }, length) + place) * size) / length, ((startOf({ ids }, length) + place + count) * size) / length);
        return [name, task === "fill" ? held.map((place) => of(place, 1)) : of(0, ids.length)];
      }),
    );
  const together = (parts) => (parts.length === 1 ? parts[0] : Object.fromEntries(answers.map((name) => [name, stacked(parts.map((part) => part[name]))])));

  const [ofWeights, ofNorms] = ["encoder_attentions", "encoder_value_norms"].map((kind) => map_layers.map((layer) => `${kind}.${layer}`));
  // All maps, or norms, of texts that were read each by itself, as those of one text: `axes` of a map
  // are two, of norms one. No text attends to another.
  const joinedMaps = (found, names, parts, axes) => {
    if (parts.length === 1) return stacked(names.map((name) => found[name].data));
    const [tokens, length] = [parts.reduce((sum, { ids }) => sum + ids.length, 0), found[names[0]].dims[2]];
    const whole = new Float32Array(names.length * heads * tokens ** axes);
    names.forEach((name, layer) => {
      let offset = 0;
      parts.forEach((part, row) => {
        const [count, start] = [part.ids.length, startOf(part, length)];
        for (let head = 0; head < heads; head++) {
          const [from, to] = [(row * heads + head) * length ** axes, (layer * heads + head) * tokens ** axes];
          for (let line = 0; line < (axes === 2 ? count : 1); line++) {
            const at = from + (axes === 2 ? (start + line) * length : 0) + start;
            whole.set(found[name].data.subarray(at, at + count), to + (axes === 2 ? (offset + line) * tokens : 0) + offset);
          }
        }
        offset += count;
      });
    });
    return whole;
  };
  // Weights of shape (map layers, heads, query, key), norms (map layers, heads, key).
  const mapsOf = (found, parts) => ({ layers, heads, map_layers, weights: joinedMaps(found, ofWeights, parts, 2), norms: joinedMaps(found, ofNorms, parts, 1) });

  const encoded = (text, pair) => {
    const found = task === "embed" && pair ? joined(encode(text), encode(pair)) : encode(text, pair);
    const masked = found.ids.flatMap((id, place) => (task === "fill" && id === maskId ? [place] : []));
    return { ...found, held: masked.slice(0, MOST_MASKS) };
  };
  // What is read by itself of a text. Throws a sentence: the tokenizer leaves nothing of it.
  const partsOf = (whole) => {
    const parts = parted(whole);
    const which = parts.length > 1 ? "one of the texts" : "this text";
    if (!parts.every(({ ids }) => ids.length)) throw new Error(`The tokenizer of ${manifest.title} makes no token of ${which}. Write words that it knows.`);
    return parts;
  };
  const fits = (row) => {
    const { taken } = normalized(row);
    return topOf(row, MOST_WORDS).map((id) => ({ id, text: wordOf(id), probability: Math.exp(row[id] - taken) }));
  };
  // A text with what its task's `ask` (tasks/known.js) needs, and all its maps, read without some heads
  // (pairs of layer and head, from 1).
  const read = async (text, pair = "", without = []) => {
    const whole = encoded(text, pair);
    const parts = partsOf(whole);
    const kept = Float32Array.from(range(layers * heads), (at) => (without.some(([layer, head]) => (layer - 1) * heads + head - 1 === at) ? 0 : 1));
    const found = await session.run(feedOf(parts, [kept]), [...answers, ...ofWeights, ...ofNorms]);
    const outputs = together(parts.map((part, row) => outputsOf(found, row, part)));
    return { ...whole, without, outputs, ...(task === "fill" ? { fitting: outputs.logits.map(fits) } : {}), ...mapsOf(found, parts) };
  };

  // What the graph gives for the task, of several texts, each as its parts (`parted`), and with factors
  // for its heads or all with none.
  const scores = async (texts, headMasks = null) => {
    const owners = texts.flatMap((parts, row) => parts.map(() => row));
    const found = await session.run(feedOf(texts.flat(), headMasks && (headMasks.length > 1 ? owners.map((row) => headMasks[row]) : headMasks)), answers);
    let at = 0;
    return texts.map((parts) => together(parts.map((part) => outputsOf(found, at++, part))));
  };

  const openedDecoder = async () => {
    const [graph, own, marks] = await Promise.all([openGraph("generate"), openTokenizer("decoder/"), json("decoder/generation_config.json")]);
    const [start, end] = [marks.decoder_start_token_id ?? marks.bos_token_id, [marks.eos_token_id].flat()[0]];
    const { layers: depth, heads: count } = manifest.decoder;
    return openWriter({ ...graph, ort, start, end, layers: depth, heads: count, tensor: filled, names: targetTokens(own, [start, end]) });
  };

  let writer = null; // once somebody wants it
  const decoder = () => (writer ??= openedDecoder().catch((error) => ((writer = null), Promise.reject(error))));
  const openDecoder = async () => void (await decoder());
  // Writes for a source: see writing.js, of which the first state has the `source` with its maps as well.
  const write = async function* (text, settings) {
    const states = await decoder();
    const [source] = partsOf(encode(text));
    const found = await session.run(feedOf([source], null), ["last_hidden_state", ...ofWeights, ...ofNorms]);
    const read = { ...source, ...mapsOf(found, [source]) };
    for await (const state of states(found.last_hidden_state, { ...settings, max_tokens: Math.min(settings.max_tokens, manifest.decoder.max_tokens) })) {
      yield state.norms ? { ...state, source: read } : state;
    }
  };
  return { encode, read, scores, openDecoder, write, mask, maskId, canAblate };
};
