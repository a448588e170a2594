// What is shown of a text's maps, by the rules of explorer/maps in Python. Nothing here touches a
// page. Layers, heads and places count from 0; a map is flat, row after row.

export const range = (count) => Array.from({ length: count }, (_, place) => place);

// ---- Weights as they travel: 8 bits a cell, deflated, in base64.

export const bytesOf = (text) => (Uint8Array.fromBase64 ? Uint8Array.fromBase64(text) : Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)));

export const inflated = async (text) => {
  const stream = new Blob([bytesOf(text)]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
};

// A code is 255 times the root of a weight over its row's largest. Rows sum to 1, or to `sums`.
export const decodedMap = (codes, columns, sums = null) => {
  const map = new Float32Array(codes.length);
  for (let start = 0, row = 0; start < codes.length; start += columns, row++) {
    let whole = 0;
    for (let at = start; at < start + columns; at++) whole += codes[at] * codes[at];
    const unit = whole > 0 ? (sums ? sums[row] : 1) / whole : 0;
    for (let at = start; at < start + columns; at++) map[at] = codes[at] * codes[at] * unit;
  }
  return map;
};

// ---- The sides of a map: tokens, or the words that they make up, of which some may be hidden.

// The reader's own characters: `text`, but where these are none, or cannot be seen.
export const ownText = (token) => token.own ?? token.text;

const wordOf = (tokens, places, index) => {
  const parts = places.map((place) => tokens[place]);
  if (parts.length === 1) return { ...parts[0], places, number: parts[0].number && `#${index + 1}` };
  const own = parts.map(ownText).join("") || parts[0].text;
  const piece = parts.map((part) => part.piece).join(" ");
  const visible = parts.some((part) => part.own === undefined || part.own === part.text);
  const number = parts.some((part) => part.number) ? `#${index + 1}` : "";
  return { ...parts[0], text: visible ? own : piece, own, piece, number, places };
};

// A token, and those after it that continue it.
export const groupWords = (tokens) => {
  const groups = [];
  tokens.forEach((token, place) => (token.continues && groups.length ? groups.at(-1).push(place) : groups.push([place])));
  return groups.map((places, index) => wordOf(tokens, places, index));
};

export const axisOf = (tokens, { words = true, special_tokens = true } = {}) => {
  const whole = words ? groupWords(tokens) : tokens.map((token, place) => ({ ...token, places: [place] }));
  const indexes = range(whole.length).filter((place) => special_tokens || !whole[place].special);
  return { whole, indexes, unit: words ? "word" : "token", merges: whole.length < tokens.length };
};

// Which of an axis's words, or tokens, holds a token.
export const placeOf = (axis, token) => axis.whole.findIndex(({ places }) => places.includes(token));

// ---- All maps of a text: { layers, heads, rows, columns, map(layer, head), norms, kept(layer, head) },
// and the axes and the weighting that they are shown by. A layer is its place among those with maps.

export const normWeighted = (map, norms) => {
  const columns = norms.length;
  const found = new Float32Array(map.length);
  for (let start = 0; start < map.length; start += columns) {
    let whole = 0;
    for (let key = 0; key < columns; key++) whole += found[start + key] = map[start + key] * norms[key];
    if (whole > 0) for (let key = 0; key < columns; key++) found[start + key] /= whole;
  }
  return found;
};

// What a word receives is the sum over its pieces, and what it gives is their mean.
export const mergeWords = (map, queries, keys) => {
  if (!queries.merges && !keys.merges) return map;
  const owners = ({ whole }) => whole.flatMap(({ places }, index) => places.map(() => index));
  const [rowOwners, columnOwners] = [owners(queries), owners(keys)];
  const [rows, columns] = [rowOwners.length, columnOwners.length];
  const found = new Float32Array(queries.whole.length * keys.whole.length);
  for (let row = 0; row < rows; row++) {
    const to = rowOwners[row] * keys.whole.length;
    const share = 1 / queries.whole[rowOwners[row]].places.length;
    for (let column = 0; column < columns; column++) found[to + columnOwners[column]] += map[row * columns + column] * share;
  }
  return found;
};

const pieceMap = (maps, layer, head, by_norms) => {
  const map = maps.map(layer, head);
  if (!by_norms) return map;
  const start = (layer * maps.heads + head) * maps.columns;
  return normWeighted(map, maps.norms.subarray(start, start + maps.columns));
};

// One head's map between all of the two sides, hidden ones too.
export const headMap = (maps, { queries, keys, by_norms }, layer, head) => mergeWords(pieceMap(maps, layer, head, by_norms), queries, keys);

const keptHeads = (maps, layer) => range(maps.heads).filter((head) => maps.kept(layer, head));

const added = (sum, map) => {
  for (let at = 0; at < sum.length; at++) sum[at] += map[at];
  return sum;
};
const scaled = (map, factor) => {
  for (let at = 0; at < map.length; at++) map[at] *= factor;
  return map;
};
const larger = (most, map) => {
  for (let at = 0; at < most.length; at++) if (map[at] > most[at]) most[at] = map[at];
  return most;
};

// The mean or maximum over a layer's heads but those ablated; 0 if none is left. Merging is linear,
// so a mean is merged once; a maximum of words is one of merged maps.
const layerMap = (maps, how, layer, head) => {
  if (typeof head === "number") return headMap(maps, how, layer, head);
  const kept = keptHeads(maps, layer);
  if (head === "mean") {
    const sum = kept.reduce((found, one) => added(found, pieceMap(maps, layer, one, how.by_norms)), new Float32Array(maps.rows * maps.columns));
    return mergeWords(scaled(sum, 1 / Math.max(kept.length, 1)), how.queries, how.keys);
  }
  const most = new Float32Array(how.queries.whole.length * how.keys.whole.length);
  return kept.reduce((found, one) => larger(found, headMap(maps, how, layer, one)), most);
};

// One head's map, or the "mean" or "max" over heads, then over layers.
export const chosenMap = (maps, how, layer, head) => {
  if (typeof layer === "number") return layerMap(maps, how, layer, head);
  const join = layer === "mean" ? added : larger;
  const found = range(maps.layers)
    .map((one) => () => layerMap(maps, how, one, head))
    .reduce((sum, make) => (sum ? join(sum, make()) : Float32Array.from(make())), null);
  if (layer !== "mean") return found;
  const left = range(maps.layers).filter((one) => keptHeads(maps, one).length).length;
  return scaled(found, 1 / (head === "mean" ? Math.max(left, 1) : maps.layers));
};

// Hidden rows and columns go, and each row that stays is divided by what is left of it. `removed`
// is the share of each row that went to hidden ones.
export const renormalised = (map, queries, keys, scale = true) => {
  const all = keys.whole.length;
  const [rows, columns] = [queries.indexes.length, keys.indexes.length];
  const removed = new Float32Array(rows);
  if (rows === queries.whole.length && columns === all) return { weights: map, removed };
  const weights = new Float32Array(rows * columns);
  queries.indexes.forEach((query, row) => {
    let whole = 0;
    let kept = 0;
    for (let key = 0; key < all; key++) whole += map[query * all + key];
    for (let column = 0; column < columns; column++) kept += weights[row * columns + column] = map[query * all + keys.indexes[column]];
    if (columns === all) return;
    removed[row] = whole > 0 ? Math.min(Math.max(1 - kept / whole, 0), 1) : 1;
    if (scale && kept > 0) for (let column = 0; column < columns; column++) weights[row * columns + column] /= kept;
  });
  return { weights, removed };
};

// A map as it is shown; `whole`, where it was joined elsewhere, saves joining it here.
export const viewOf = (maps, how, layer, head, whole = null) => {
  const { queries, keys } = how;
  const maximum = [layer, head].includes("max");
  const shown = renormalised(whole ?? chosenMap(maps, how, layer, head), queries, keys, !maximum);
  return { ...how, layer, head, maximum, rows: queries.indexes.length, columns: keys.indexes.length, ...shown };
};

// ---- Ink

export const CROWDED = 48;

export const largestOf = (values) => {
  let most = 0;
  for (let at = 0; at < values.length; at++) if (values[at] > most) most = values[at];
  return most;
};

// The value at a rank between two whole ones, as numpy's quantile. Values are first counted in bins,
// so that only the highest are sorted.
export const quantile = (values, share) => {
  const rank = share * (values.length - 1);
  const beyond = values.length - 1 - Math.floor(rank); // how many are above the lower of the two
  const top = largestOf(values);
  if (top === 0) return 0;
  const bins = new Uint32Array(4096);
  const scale = 4095.999 / top;
  for (let at = 0; at < values.length; at++) bins[Math.trunc(values[at] * scale)] += 1;
  let [bin, counted] = [4095, bins[4095]];
  while (bin > 0 && counted < beyond + 1) counted += bins[--bin];
  const highest = new Float32Array(counted);
  for (let at = 0, to = 0; at < values.length; at++) if (Math.trunc(values[at] * scale) >= bin) highest[to++] = values[at];
  highest.sort();
  const lower = highest[highest.length - 1 - beyond];
  const upper = highest[Math.min(highest.length - beyond, highest.length - 1)];
  return lower + (upper - lower) * (rank - Math.floor(rank));
};

// The weight at which ink is full: the largest. In a long text that attends to itself, [CLS] and
// [SEP] draw a hundred times what any word does: there the scale ends below the strongest cells, as
// many as two columns have.
export const scaleTop = (weights, columns, ofOneText) => {
  const crowded = ofOneText && columns > CROWDED;
  const top = crowded ? quantile(weights, 1 - 2 / columns) : largestOf(weights);
  return Math.max(top, 1e-3); // a map of zeros must not divide by zero
};

export const DECADES = 4;

// A weight as ink between 0 and 1: its root, or on the log scale its order of size, down to
// `DECADES` powers of ten below the top.
export const inkOf = (share, log_scale) => {
  const most = Math.min(share, 1);
  return log_scale ? Math.max(1 + Math.log10(Math.max(most, 1e-30)) / DECADES, 0) : Math.sqrt(most);
};

export const TILE = 48;

// The places of an axis that a tile's pixel covers: [first, last), one at least.
const edges = (count) => {
  const from = range(TILE).map((pixel) => Math.floor((pixel * count) / TILE));
  return from.map((first, pixel) => [first, Math.max(pixel + 1 < TILE ? from[pixel + 1] : count, first + 1)]);
};

// A map in small, as 8-bit ink on the root scale; a pixel shows its strongest cell.
export const tileOf = ({ weights, rows, columns }, ofOneText) => {
  const tile = new Uint8Array(TILE * TILE);
  if (!weights.length) return tile;
  const top = scaleTop(weights, columns, ofOneText);
  const across = edges(columns);
  edges(rows).forEach(([first, last], y) =>
    across.forEach(([left, right], x) => {
      let most = 0;
      for (let row = first; row < last; row++) for (let column = left; column < right; column++) most = Math.max(most, weights[row * columns + column]);
      tile[y * TILE + x] = Math.floor(255 * Math.sqrt(Math.min(most / top, 1)));
    }),
  );
  return tile;
};

// The tiles of a layer: its heads, and their mean, ablated ones too, as each head's own tile is there.
export const layerTiles = (maps, how, layer) => {
  const heads = range(maps.heads).map((head) => headMap(maps, how, layer, head));
  const mean = scaled(heads.reduce(added, new Float32Array(heads[0].length)), 1 / heads.length);
  return [...heads, mean].map((map) => tileOf({ ...renormalised(map, how.queries, how.keys), rows: how.queries.indexes.length, columns: how.keys.indexes.length }, maps.ofOneText));
};

// ---- What a row, a column or a whole map says

// What a token attends to, or who attends to it, by places of the whole axis; null where hidden.
// Nothing where the token is hidden itself.
export const lookOf = (view, direction, place) => {
  const from = direction === "from";
  const [own, other] = from ? [view.queries, view.keys] : [view.keys, view.queries];
  const at = own.indexes.indexOf(place);
  const shares = Array(other.whole.length).fill(null);
  if (at >= 0) other.indexes.forEach((index, i) => (shares[index] = view.weights[from ? at * view.columns + i : i * view.columns + at]));
  return { shares, removed: at >= 0 && from ? view.removed[at] : 0 };
};

// The strongest pairs of a map, the strongest first, by row and column of what is shown.
export const strongestPairs = (view, count) => {
  const best = [];
  let least = 0;
  for (let at = 0; at < view.weights.length; at++) {
    const weight = view.weights[at];
    if (weight <= least) continue;
    const place = best.findIndex((one) => one.weight < weight);
    best.splice(place < 0 ? best.length : place, 0, { row: Math.floor(at / view.columns), column: at % view.columns, weight });
    best.length = Math.min(best.length, count);
    if (best.length === count) least = best[count - 1].weight;
  }
  return best;
};

// The word, by place, that looks most firmly at another: chosen first. Special tokens and
// punctuation are no words; where there is nothing else, the first that is shown.
export const firstToken = (view) => {
  const isWord = ({ whole, indexes }) => indexes.map((place) => /[\p{L}\p{N}]/u.test(ownText(whole[place])));
  const [queries, keys] = [isWord(view.queries), isWord(view.keys)];
  let [best, most] = [0, 0];
  for (let at = 0; at < view.weights.length; at++) {
    const [row, column] = [Math.floor(at / view.columns), at % view.columns];
    if (queries[row] && keys[column] && row !== column && view.weights[at] > most) [best, most] = [row, view.weights[at]];
  }
  return view.queries.indexes[best] ?? null;
};

// The entropy of a row's values, each over their sum: 0 is one of them, 1 all alike.
export const flatness = (values) => {
  const whole = values.reduce((sum, value) => sum + value, 0);
  if (values.length < 2 || whole <= 0) return 0;
  const nats = values.reduce((sum, value) => (value > 0 ? sum - (value / whole) * Math.log(value / whole) : sum), 0);
  return Math.min(Math.max(nats / Math.log(values.length), 0), 1);
};

// A row over a text's tokens as it is shown: by words, scaled to what is left, with the entropy of
// the text's own words alone.
export const rowOf = (row, axis) => {
  const merged = axis.whole.map(({ places }) => places.reduce((sum, place) => sum + row[place], 0));
  const whole = merged.reduce((sum, value) => sum + value, 0);
  const kept = axis.indexes.reduce((sum, place) => sum + merged[place], 0);
  const shown = new Set(axis.indexes);
  const scale = axis.indexes.length === axis.whole.length ? 1 : kept > 0 ? 1 / kept : 0;
  return {
    shares: merged.map((value, place) => (shown.has(place) ? value * scale : null)),
    removed: scale === 1 || whole <= 0 ? 0 : Math.min(Math.max(1 - kept / whole, 0), 1),
    entropy: flatness(merged.filter((_, place) => !axis.whole[place].special)),
  };
};
