// Runs a bundle's graphs with onnxruntime-web: texts in; answers, maps and written tokens out.
// `explorer/inference` does the same in Python.
import { targetTokens, textEncoder } from "./tokens.js";

const MASKS = ["head_mask", "cross_head_mask"];
const CANDIDATES = 10;

// A head mask has a default in the graph, and onnxruntime-web refuses an input that has one. So the
// default's name is changed in the file's bytes: the mask becomes an input that has to be fed. It is
// the name of a tensor, field 8 of TensorProto, and stands there once. Gives the names of the masks.
export const feedMasks = (bytes) =>
  MASKS.filter((name) => {
    const mark = [0x42, name.length, ...new TextEncoder().encode(name)];
    let found = 0;
    for (let at = bytes.indexOf(0x42); at >= 0; at = bytes.indexOf(0x42, at + 1)) {
      if (!mark.every((byte, step) => bytes[at + step] === byte)) continue;
      bytes[at + 2] = 0x5f;
      found += 1;
    }
    return found > 0;
  });

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

// Logits to what is told of a choice among them.
const choiceOf = (logits, id) => {
  let most = -Infinity;
  for (const logit of logits) most = Math.max(most, logit);
  let [whole, mixed] = [0, 0];
  for (const logit of logits) {
    const share = Math.exp(logit - most);
    whole += share;
    mixed += share * (logit - most);
  }
  const of = (one) => Math.exp(logits[one] - most) / whole;
  const best = [];
  logits.forEach((logit, one) => {
    if (best.length === CANDIDATES && logit <= logits[best.at(-1)]) return;
    const place = best.findIndex((other) => logits[other] < logit);
    best.splice(place < 0 ? best.length : place, 0, one);
    best.length = Math.min(best.length, CANDIDATES);
  });
  return { id, probability: of(id), entropy: Math.max((Math.log(whole) - mixed / whole) / Math.LN2, 0), candidates: best.map((one) => [one, of(one)]) };
};
const largest = (values) => values.reduce((best, value, place) => (value > values[best] ? place : best), 0);

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

  const classifies = manifest.tasks.includes("classify");
  const { layers, heads } = manifest.sizes;
  const [{ session, masks }, tokenizer, config] = await Promise.all([openGraph(classifies ? "classify" : "encode"), openTokenizer(""), json("tokenizer_config.json")]);
  const { encode, mask } = textEncoder(tokenizer, most);
  const canAblate = masks.includes("head_mask");

  const feedOf = (texts, headMasks) => {
    const length = Math.max(...texts.map(({ ids }) => ids.length));
    const dims = [texts.length, length];
    const feed = Object.fromEntries(["input_ids", "attention_mask", "token_type_ids"].map((name) => [name, filled("int64", dims, 0)]));
    texts.forEach(({ ids, segments }, row) =>
      ids.forEach((id, column) => {
        const at = row * length + column + (config.padding_side === "left" ? length - ids.length : 0);
        feed.input_ids.data[at] = BigInt(id);
        feed.attention_mask.data[at] = 1n;
        feed.token_type_ids.data[at] = BigInt(segments[column]);
      }),
    );
    for (const name of Object.keys(feed)) if (!session.inputNames.includes(name)) delete feed[name];
    if (canAblate) feed.head_mask = headMasks ? new ort.Tensor("float32", stacked(headMasks), [headMasks.length, layers, heads]) : filled("float32", [1, layers, heads], 1);
    return feed;
  };

  // A text with its answer and all its maps, read without some heads (pairs of layer and head, from
  // 1): weights of shape (layers, heads, query, key), norms (layers, heads, key).
  const read = async (text, pair = "", without = []) => {
    const encoded = encode(text, pair);
    const kept = Float32Array.from(range(layers * heads), (at) => (without.some(([layer, head]) => (layer - 1) * heads + head - 1 === at) ? 0 : 1));
    const names = (kind) => range(layers).map((layer) => `${kind}.${layer}`);
    const [maps, norms] = [names("encoder_attentions"), names("encoder_value_norms")];
    const found = await session.run(feedOf([encoded], [kept]), [...(classifies ? ["logits"] : []), ...maps, ...norms]);
    const data = (name) => found[name].data;
    return { ...encoded, layers, heads, without, logits: classifies ? [...data("logits")] : null, weights: stacked(maps.map(data)), norms: stacked(norms.map(data)) };
  };

  // The logits of several texts, each with factors for its heads or all with none.
  const scores = async (texts, headMasks = null) => {
    const { logits } = await session.run(feedOf(texts, headMasks), ["logits"]);
    const labels = logits.dims[1];
    return texts.map((_, row) => [...logits.data.subarray(row * labels, (row + 1) * labels)]);
  };

  let writing = null; // the decoder, once somebody wants it
  const openDecoder = async () => {
    const [graph, own, marks] = await Promise.all([openGraph("generate"), openTokenizer("decoder/"), json("decoder/generation_config.json")]);
    const [start, end] = [marks.decoder_start_token_id ?? marks.bos_token_id, marks.eos_token_id];
    return { ...graph, start, end, names: targetTokens(own, [start, end]) };
  };

  // Writes for a source, the likeliest token at each step; gives each step with what it attended to:
  // `own` of shape (layers, heads, written), `cross` and `norms` (layers, heads, source).
  const write = async function* (text, tokens) {
    const decoder = await (writing ??= openDecoder().catch((error) => ((writing = null), Promise.reject(error))));
    const encoded = encode(text);
    const { last_hidden_state: hidden } = await session.run(feedOf([encoded], null), ["last_hidden_state"]);
    const depth = manifest.decoder.layers;
    const names = (kind) => range(depth).map((layer) => `${kind}.${layer}`);
    const past = decoder.session.inputNames.filter((name) => name.startsWith("past_key_values."));
    const shapeOf = (name) => decoder.session.inputMetadata.find((one) => one.name === name).shape;
    const feed = { encoder_hidden_states: hidden, encoder_attention_mask: filled("int64", [1, encoded.ids.length], 1) };
    for (const name of past) feed[name] = filled("float32", [1, shapeOf(name)[1], 0, shapeOf(name)[3]], 0);
    for (const name of decoder.masks) feed[name] = filled("float32", [1, depth, manifest.decoder.heads], 1);
    const ids = [];
    let norms = null;
    for (let last = decoder.start; ids.length < tokens && !(ids.length && last === decoder.end); ) {
      // The source's keys and values, and their norms, are made by the first step.
      const kept = past.filter((name) => !norms || name.includes(".decoder."));
      const wanted = ["logits", ...names("decoder_attentions"), ...names("cross_attentions"), ...(norms ? [] : names("cross_value_norms"))];
      const found = await decoder.session.run({ ...feed, input_ids: filled("int64", [1, 1], last) }, [...wanted, ...kept.map((name) => name.replace("past_key_values", "present"))]);
      for (const name of kept) feed[name] = found[name.replace("past_key_values", "present")];
      const all = (kind) => stacked(names(kind).map((name) => found[name].data));
      norms ??= all("cross_value_norms");
      last = largest(found.logits.data);
      ids.push(last);
      const before = ids.length > 1 ? decoder.names.tokens(ids.slice(-2, -1))[0] : null;
      const step = choiceOf(found.logits.data, last);
      const shown = (id) => decoder.names.token(id, before && (before.own ?? before.text));
      yield {
        ...step, token: shown(last), named: step.candidates.map(([id]) => shown(id)), text: decoder.names.text(ids),
        ends: last === decoder.end, own: all("decoder_attentions"), cross: all("cross_attentions"), norms,
        ...(ids.length > 1 ? {} : { source: encoded, start: decoder.names.token(decoder.start) }),
      };
    }
  };
  return { encode, read, scores, write, mask, canAblate };
};
