// Where maps come from: all of them came with the text, or some did, and others are asked for.
import { headType, measureOf } from "./head_types.js";
import { TILE, axisOf, bytesOf, decodedMap, headMap, inflated, layerTiles, range } from "./maths.js";
import { has, sizesOf } from "./state.js";

const MOST_KEPT = 200; // maps of long texts, 0.3 MB each at 512 tokens

const floats = (text) => {
  const bytes = bytesOf(text);
  return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
};
// Of a head's norms only the ratios count.
const ratios = (text) => {
  const bytes = bytesOf(text);
  return new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2);
};
const headOf = (choice) => (typeof choice === "number" ? choice - 1 : choice);
const keyOf = (...parts) => parts.join(" ");

// All that one attention of a text has: `missing` says what a state lacks, `give` takes it.
const openAttention = async (data, attention) => {
  const [queries, keys] = [data.sides[attention.queries].tokens, data.sides[attention.keys].tokens];
  const sizes = sizesOf(data, attention);
  const { heads } = sizes;
  const layers = sizes.layers.length;
  const placeOf = (layer) => (typeof layer === "number" ? sizes.layers.indexOf(layer) : layer);
  const [rows, columns] = [queries.length, keys.length];
  const cells = rows * columns;
  const codes = typeof attention.weights === "string" ? await inflated(attention.weights) : null;
  const values = codes || !attention.weights ? null : attention.weights;
  const norms = typeof attention.norms === "string" ? ratios(attention.norms) : attention.norms;
  const complete = Boolean(codes || values);
  const [given, joined, small, axes] = [new Map(), new Map(), new Map(), new Map()];
  const layersAsked = new Set();

  const partOf = (array, at) => array.subarray(at * cells, (at + 1) * cells);
  const map = (layer, head) => {
    const at = layer * heads + head;
    if (values) return partOf(values, at);
    return decodedMap(complete ? partOf(codes, at) : given.get(at), columns);
  };
  const ofOneText = attention.queries === attention.keys;
  const kept = (layer, head) => !data.without || !has(data.without, [sizes.layers[layer], head + 1]);
  const maps = { layers, heads, rows, columns, map, norms, kept, ofOneText, given: attention.given };

  // The axes that a state means; the same objects for the same switches.
  const howOf = ({ words, special_tokens, by_norms }) => {
    const key = keyOf(words, special_tokens);
    if (!axes.has(key)) {
      const of = (tokens) => axisOf(tokens, { words, special_tokens });
      const own = of(queries);
      axes.set(key, { queries: own, keys: ofOneText ? own : of(keys) });
    }
    return { ...axes.get(key), by_norms };
  };

  // Of a joined map: how it was weighted and merged before.
  const joinedKey = ({ layer, head, words, by_norms }) => keyOf(layer, head, words, by_norms);
  const smallKey = ({ words, special_tokens, by_norms }) => keyOf(words, special_tokens, by_norms);
  const isHead = ({ layer, head }) => typeof layer === "number" && typeof head === "number";
  const hasMap = (state) => complete || (isHead(state) ? given.has(placeOf(state.layer) * heads + state.head - 1) : joined.has(joinedKey(state)));
  const keep = (store, key, value) => {
    store.set(key, value);
    if (store.size > MOST_KEPT) store.delete(store.keys().next().value);
  };

  // Tiles and types of all heads; types are dear and wait until the text has stopped growing.
  const smallOf = (state) => {
    const key = smallKey(state);
    if (!small.has(key) && complete) {
      const how = howOf(state);
      const tiles = range(layers).flatMap((layer) => layerTiles(maps, how, layer));
      const measure = data.busy ? null : measureOf(maps, how);
      const types = measure && range(layers).map((layer) => range(heads).map((head) => headType(headMap(maps, how, layer, head), measure)));
      keep(small, key, { tiles, types });
    }
    return small.get(key) ?? null;
  };

  const give = async ({ maps: some = [], joined: one = null, small: tiles = null }) => {
    for (const { layer, heads: which, weights } of some) {
      const part = await inflated(weights);
      which.forEach((head, at) => keep(given, placeOf(layer) * heads + head - 1, partOf(part, at)));
    }
    if (one) keep(joined, joinedKey(one), decodedMap(await inflated(one.weights), one.columns, floats(one.sums)));
    if (tiles) {
      const ink = await inflated(tiles.tiles);
      const size = TILE * TILE;
      keep(small, smallKey(tiles), { tiles: range(ink.length / size).map((at) => ink.subarray(at * size, (at + 1) * size)), types: tiles.types });
    }
  };

  // What is to be asked for next, for a state: its map, all heads in small, then the other heads of
  // its layer, so that they are there when they are wanted. Null if nothing is.
  const missing = (state) => {
    if (complete || data.busy) return null;
    if (!hasMap(state)) return "map";
    if (!small.has(smallKey(state))) return "tiles";
    return isHead(state) && !layersAsked.has(state.layer) ? "layer" : null;
  };
  const asked = (state, part) => part === "layer" && layersAsked.add(state.layer);

  const chosen = (state) => (hasMap(state) ? [maps, howOf(state), placeOf(state.layer), headOf(state.head), joined.get(joinedKey(state)) ?? null] : null);
  return { ...attention, ...sizes, ofOneText, howOf, smallOf, give, missing, asked, chosen };
};

// All attentions of a text, by what is looked at.
export const openMaps = async (data) => Object.fromEntries(await Promise.all(data.attentions.map(async (attention) => [attention.looks_at, await openAttention(data, attention)])));
