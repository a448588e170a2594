// What words and heads do to an answer, and where the attention of two texts differs: as
// `explorer/analyses` finds it and `explorer/ui/panels` tells it to the page's widgets. `ask` reads
// changed texts: see `asking`.
import { axisOf, mergeWords, range } from "../../explorer/web/maps/maths.js";
import { deleted, masked, parted, placeOf } from "../model/tokens.js";
import { answerOf, effectOf, isNumber, largestPlace, leastOf, logOddsOf, mainOf, matter, movesAnswer, newAnswer, oddsOf, probabilitiesOf, valueOf } from "../tasks/logits.js";
import { ownWords, placedWords, sharedWords, textOf } from "../tasks/words.js";
import { attentionReceived, looksOf, noticesOf } from "./payloads.js";
import { lastWithMaps } from "./wording.js";

const ROWS = 32;
const MAP_BYTES = 32 * 2 ** 20; // of all maps of a run, which the graph makes though nobody asks
const OPERATIONS = 1e10; // of a run, half a second: so long a reader waits who came during it
const SECONDS = 10; // that an analysis is planned for
const LEAST_TEXTS = 8; // of an analysis, however slow the machine
const REMEMBERED = 5; // runs

const round = (value, digits = 6) => (value === null ? null : Number(value.toFixed(digits)));
const stableOrder = (values) => range(values.length).sort((a, b) => values[b] - values[a] || a - b);

// ---- Changed texts

// As the engine reads one: what is read by itself of it.
const partsOf = (text) => parted(text).map((part) => ({ ids: part.ids, segments: part.segments, held: part.held.map((place) => placeOf(part, place)) }));
// Seconds for a token on this machine, as the latest runs had them: the median, of two the smaller,
// since one that had to wait for the processor says little. 0 before the first. See `Throughput` of explorer/inference/cost.py.
export const paceOf = () => {
  const latest = [];
  const learn = (seconds) => {
    latest.push(seconds);
    if (latest.length > REMEMBERED) latest.shift();
  };
  const seconds = () => [...latest].sort((a, b) => a - b)[Math.floor((latest.length - 1) / 2)] ?? 0;
  const textsWithin = (tokens) => (seconds() ? Math.max(1, Math.floor(SECONDS / (tokens * seconds()))) : 1);
  return { learn, seconds, textsWithin };
};

// Asks texts the question that they have, in runs of about one length, as many as fit. `scores` is the
// engine's; `told(done, of)` may throw, which ends the work; `pace` learns how long a token takes.
export const asking = ({ scores, bundle: { sizes, task }, pace = paceOf(), clock = () => performance.now() }) => {
  const perRun = (tokens) => {
    const words = task === "fill" ? sizes.vocabulary : 0;
    const inMemory = MAP_BYTES / (4 * tokens * (sizes.layers * sizes.heads * tokens + words));
    const inTime = OPERATIONS / (2 * sizes.layers * tokens * (12 * sizes.hidden ** 2 + 2 * sizes.hidden * tokens));
    return Math.max(1, Math.floor(Math.min(ROWS, inMemory, inTime)));
  };
  return async (texts, masks, told) => {
    const order = range(texts.length).sort((a, b) => texts[a].ids.length - texts[b].ids.length);
    const found = [];
    for (let at = 0; at < order.length; ) {
      let count = 1;
      while (at + count < order.length && count < perRun(texts[order[at + count]].ids.length)) count += 1;
      const rows = order.slice(at, at + count);
      const started = clock();
      const outputs = await scores(rows.map((row) => partsOf(texts[row])), masks && rows.map((row) => masks[row % masks.length]));
      pace.learn((clock() - started) / 1000 / (count * texts[rows.at(-1)].ids.length));
      rows.forEach((row, place) => (found[row] = texts[row].question.scores(outputs[place], texts[row])));
      at += count;
      told?.(at, texts.length);
    }
    return found;
  };
};

const maskOf = ({ layers, heads }, without) => Float32Array.from(range(layers * heads), (at) => (without.some(([layer, head]) => (layer - 1) * heads + head - 1 === at) ? 0 : 1));

// A text without some of its tokens. One that is asked about is masked where others are deleted, since
// without it there is nothing to ask; where there is no mask it stays.
const without = (reading, places, { way, mask }) => {
  const held = way === "deleted" ? places.filter((place) => reading.held.includes(place)) : places;
  const changed = held.length && mask !== null ? masked(reading, held, mask) : reading;
  return way === "deleted" ? deleted(changed, places.filter((place) => !held.includes(place))) : changed;
};
const stays = (reading, word, { way, mask }) => way === "deleted" && mask === null && word.places.some((place) => reading.held.includes(place));
const keyOf = (text) => JSON.stringify([text.ids, text.segments, text.tokens.map(({ segment }) => segment), text.held.map((place) => placeOf(text, place))]);

// The answers without each set of words; texts that come out equal are read once.
const answersWithout = async (ask, reading, removals, how, told) => {
  const texts = removals.map((words) => without(reading, words.flatMap((word) => word.places), how));
  const keys = texts.map(keyOf);
  const different = [...new Map(keys.map((key, place) => [key, texts[place]]))];
  const rows = new Map(different.map(([key], row) => [key, row]));
  const found = await ask(different.map(([, text]) => text), reading.without.length ? [maskOf(reading, reading.without)] : null, told);
  return keys.map((key) => found[rows.get(key)]);
};

const ENDS = [".", "!", "?", "…", "。", "！", "？", "؟", "।"];
const CLOSERS = [..."\"'”’»)]}」』"];
const LONGEST = 40;
// Sentences as [start, stop] among words; where there are more than `most`, runs of equal length.
const sentenceSpans = (words, most) => {
  const endsBefore = (start, place) => {
    const text = textOf(words[place]);
    if (words[place].segment !== words[place - 1].segment || place - start >= LONGEST) return true;
    if (CLOSERS.includes(text) || ENDS.includes(text)) return false;
    let last = place - 1;
    while (last > start && CLOSERS.includes(textOf(words[last]))) last -= 1;
    return ENDS.some((end) => textOf(words[last]).endsWith(end));
  };
  const spans = [];
  let start = 0;
  for (let place = 1; place <= words.length; place++) {
    if (place < words.length && !endsBefore(start, place)) continue;
    spans.push([start, place]);
    start = place;
  }
  if (spans.length <= most) return spans;
  const length = Math.ceil(words.length / Math.max(most, 1));
  return range(Math.ceil(words.length / length)).map((run) => [run * length, Math.min((run + 1) * length, words.length)]);
};

const about = (bundle, { label, other }) => ({ label: bundle.labels[label], ...(bundle.about ? { about: bundle.about } : {}), ...(other === null ? {} : { rather_than: bundle.labels[other] }) });
const oddsOrNone = (logits, target, bundle) => (isNumber(bundle) ? null : oddsOf(logits, target, bundle));
const column = (effects, name, bundle) => (name === "log_odds_effect" && isNumber(bundle) ? null : effects.map((one) => one[name]));

// Marks the words on which attention and effects disagree: see `disagreements` in Python.
const disagreements = (attention, effects, least) => {
  const marks = effects.map(() => null);
  const tried = range(effects.length).filter((place) => effects[place] !== null);
  if (tried.length < 2 || !matter(effects, least)) return marks;
  const sizes = tried.map((place) => Math.abs(effects[place]));
  const many = Math.ceil(tried.length / 4);
  const byAttention = stableOrder(tried.map((place) => attention[place])).map((at) => tried[at]);
  const byEffect = stableOrder(sizes).map((at) => tried[at]);
  const little = 0.1 * Math.max(...sizes);
  const lowerHalf = byAttention.slice(-Math.floor(tried.length / 2));
  for (const place of byEffect.slice(0, many)) if (lowerHalf.includes(place) && Math.abs(effects[place]) >= Math.max(little, least)) marks[place] = "unseen";
  for (const place of byAttention.slice(0, many)) {
    if (Math.abs(effects[place]) < little) marks[place] = "idle";
    else if (effects[place] <= -Math.max(little, least)) marks[place] = "against";
  }
  return marks;
};

// ---- Every word removed in turn; of a long text each sentence, then the words of those that moved
// the answer most. `room`: so many texts may be read; some are in any case.
export const textsOfOcclusion = ({ tokens }, room) => Math.min(ownWords(tokens).length, Math.max(LEAST_TEXTS, room));
export const occlusion = async (ask, bundle, reading, target, { way, mask, room, told }) => {
  const words = ownWords(reading.tokens);
  const total = textsOfOcclusion(reading, room);
  const spans = words.length === total ? [] : sentenceSpans(words, Math.floor(total / 2));
  const left = total - spans.length;
  const [whole, how] = [reading.logits, { way, mask }];
  const less = await answersWithout(ask, reading, spans.map(([start, stop]) => words.slice(start, stop)), how, (done) => told?.(done, total));
  const sentences = less.map((logits) => effectOf(whole, logits, target, bundle));
  const chosen = [];
  if (!spans.length) chosen.push(...range(words.length));
  for (const sentence of stableOrder(sentences.map((one) => Math.abs(mainOf(one))))) {
    const places = range(words.length).slice(...spans[sentence]);
    const fitting = chosen.length ? places : places.slice(0, left);
    if (chosen.length + fitting.length <= left) chosen.push(...fitting);
  }
  chosen.sort((a, b) => a - b);
  const found = await answersWithout(ask, reading, chosen.map((place) => [words[place]]), how, (done) => told?.(spans.length + done, total));
  const changed = new Map(chosen.map((place, row) => [place, found[row]]));
  const effects = words.map((word, place) => effectOf(whole, stays(reading, word, how) ? null : changed.get(place), target, bundle));
  const [least, attention, mains] = [leastOf(whole, target, bundle), attentionReceived(reading, words), effects.map(mainOf)];
  const moves = movesAnswer(effects, least, bundle);
  return {
    words: words.map(textOf), segments: words.map(({ segment }) => segment),
    effects: column(effects, "effect", bundle), log_odds_effects: column(effects, "log_odds_effect", bundle),
    matters: matter(mains, least), least, moves_answer: moves, attention,
    disagreements: moves ? disagreements(attention, mains, least) : words.map(() => null),
    sentences: spans.map((span, place) => ({ words: span, ...sentences[place] })),
    ...about(bundle, target), value: round(valueOf(whole, target, bundle)), log_odds: round(oddsOrNone(whole, target, bundle)),
    way, tokens_left_out: reading.left_out, bundle: bundle.title, number: isNumber(bundle),
    pair: Boolean(reading.text_pair), looks: looksOf(reading), layer: lastWithMaps(bundle), held: way === "deleted" && reading.held.length > 0 && mask !== null, left_out: effects.filter(({ log_odds_effect, effect }) => (log_odds_effect ?? effect) === null).length,
  };
};

// ---- Every head ablated in turn, beside those that are out already; where time is short, those of
// the layers first that matter most. `room` as above.
const headsWithin = ({ layers, heads, without: out }, room) => Math.min(layers * heads - out.length, Math.max(room - 1 - layers, LEAST_TEXTS));
export const textsOfHeads = (reading, room) => 1 + reading.layers + headsWithin(reading, room);
export const headEffects = async (ask, bundle, reading, target, { room, told }) => {
  const { layers, heads, without: out } = reading;
  const masks = (groups) => groups.map((group) => maskOf(reading, [...out, ...group]));
  const layerOf = (layer) => range(heads).map((head) => [layer + 1, head + 1]);
  const inside = range(layers).flatMap(layerOf).filter(([layer, head]) => !out.some((one) => one[0] === layer && one[1] === head));
  const [fits, total] = [headsWithin(reading, room), textsOfHeads(reading, room)];
  const read = (groups, done) => ask(groups.map(() => reading), masks(groups), (more) => told?.(done + more, total));
  const [whole, ...withoutLayer] = await read([[], ...range(layers).map(layerOf)], 0);
  const effectsOfLayers = withoutLayer.map((logits) => effectOf(whole, logits, target, bundle));
  const moved = effectsOfLayers.map((effect) => Math.abs(mainOf(effect)));
  const tried = stableOrder(inside.map(([layer]) => moved[layer - 1])).map((at) => inside[at]).slice(0, fits);
  const alone = tried.length ? await read(tried.map((one) => [one]), 1 + layers) : [];
  const answers = range(layers).map(() => Array(heads).fill(null));
  tried.forEach(([layer, head], row) => (answers[layer - 1][head - 1] = alone[row]));
  const effects = answers.map((row) => row.map((logits) => effectOf(whole, logits, target, bundle)));
  const least = leastOf(whole, target, bundle);
  return {
    ...about(bundle, target), number: isNumber(bundle), whole: valueOf(whole, target, bundle), log_odds: oddsOrNone(whole, target, bundle),
    effects: effects.map((row) => column(row, "effect", bundle)),
    log_odds_effects: isNumber(bundle) ? null : effects.map((row) => column(row, "log_odds_effect", bundle)),
    layer_effects: column(effectsOfLayers, "effect", bundle), layer_log_odds_effects: column(effectsOfLayers, "log_odds_effect", bundle),
    least, matters: matter(effects.flat().map(mainOf), least),
    answers: answers.map((row) => row.map((logits) => newAnswer(whole, logits, target.label, bundle))),
    layer_answers: withoutLayer.map((logits) => newAnswer(whole, logits, target.label, bundle)),
    before: out, not_tried: inside.length - tried.length,
  };
};

// ---- Two readings side by side

const SHOWN_HEADS = 8;
const MOST_WORDS = 40;

// A head's map on the shared words; the last column is what went to all others.
const sharedMap = ({ weights, heads, tokens }, axis, places, layer, head) => {
  const cells = tokens.length ** 2;
  const merged = mergeWords(weights.subarray((layer * heads + head) * cells, (layer * heads + head + 1) * cells), axis, axis);
  const columns = axis.whole.length;
  return places.map((row) => {
    const all = merged.subarray(row * columns, (row + 1) * columns);
    const kept = places.map((place) => all[place]);
    const sum = (values) => values.reduce((whole, value) => whole + value, 0);
    return [...kept, Math.max(sum(all) - sum(kept), 0)];
  });
};

// Why nothing can have moved; empty where something can.
const equality = (first, second) => {
  const names = ({ tokens }) => JSON.stringify(tokens.map(({ piece, segment }) => [piece, segment]));
  if (names(first) !== names(second)) return "";
  if (first.text === second.text) return "Both are the same text, read by the same model: nothing moved. Change a word.";
  return "The model reads the same tokens from both texts, as from words in capitals that it does not know: nothing moved. Change another word.";
};

// How far both are for the first one's class rather than for another; null where one lacks either.
const contrastOf = (bundles, sides, other) => {
  if (other === null) return {};
  const target = { label: largestPlace(probabilitiesOf(sides[0].logits, bundles[0])), other };
  const names = [target.label, other].map((label) => bundles[0].labels[label]);
  const odds = ({ logits }, bundle) => {
    const [label, against] = names.map((name) => bundle.labels.indexOf(name));
    return isNumber(bundle) || label < 0 || against < 0 ? null : round(oddsOf(logits, { label, other: against }, bundle));
  };
  return { contrast: { ...about(bundles[0], target), log_odds: sides.map((side, at) => odds(side, bundles[at])) } };
};

// Each side is { bundle, reading }, as it was asked; `other` is what the first one's class is set against.
export const compare = (first, second, other) => {
  const sides = [first, second].map(({ reading }) => reading);
  const bundles = [first, second].map(({ bundle }) => bundle);
  const axes = sides.map(({ tokens }) => axisOf(tokens));
  const shared = sharedWords(axes[0].whole, axes[1].whole);
  const maps = (layer, head) => sides.map((side, which) => sharedMap(side, axes[which], shared.map((pair) => pair[which]), layer, head));
  const movedOf = ([one, two]) => {
    if (!shared.length) return 0;
    const rows = one.map((row, at) => row.reduce((sum, share, key) => sum + Math.abs(share - two[at][key]), 0) / 2);
    return rows.reduce((sum, row) => sum + row, 0) / rows.length;
  };
  const { map_layers, heads } = first.reading;
  const moved = range(map_layers.length).map((layer) => range(heads).map((head) => movedOf(maps(layer, head))));
  const farthest = stableOrder(moved.flat()).slice(0, SHOWN_HEADS).map((at) => [Math.floor(at / heads), at % heads]);
  const byLabel = (values, { labels }) => Object.fromEntries(labels.map((label, place) => [label, round(values[place])]));
  const of = (tell) => sides.map(({ logits }, side) => tell(logits, bundles[side]));
  return {
    bundles: bundles.map(({ title }) => title),
    probabilities: of((logits, bundle) => byLabel(probabilitiesOf(logits, bundle), bundle)),
    log_odds: of((logits, bundle) => (isNumber(bundle) ? null : byLabel(logOddsOf(logits, bundle), bundle))),
    words: axes.map(({ whole }) => whole.map(textOf)), shared, moved: moved.map((row) => row.map((share) => round(share))),
    layers: map_layers.map((layer) => layer + 1),
    most_moved: farthest.map(([place, head]) => [map_layers[place] + 1, head + 1]),
    answers: sides.map((side, at) => answerOf(side, bundles[at])), notices: sides.map((side, at) => noticesOf(side, bundles[at])),
    special: axes.map(({ whole }) => whole.map(({ special }) => special)), same_model: true, equal: equality(...sides),
    maps: !shared.length || shared.length > MOST_WORDS ? null : farthest.map(([layer, head]) => maps(layer, head).map((map) => map.map((row) => row.map((share) => round(share, 4))))),
    most_words: MOST_WORDS,
    ...contrastOf(bundles, sides, other),
  };
};

// The first text without the word that gets most attention from where the answer is read, in the last
// layer: to begin a comparison.
export const withoutMostSeen = (reading) => {
  const { text, held } = reading;
  const placed = placedWords(reading.tokens, [text, reading.text_pair]).filter(({ word, start, end }) => !word.segment && /\p{L}/u.test(text.slice(start, end)) && !word.places.some((place) => held.includes(place)));
  if (placed.length < 2) return text;
  const attention = attentionReceived(reading, placed.map(({ word }) => word));
  const { start, end } = placed[largestPlace(attention)];
  const [before, after] = [text.slice(0, start), text.slice(end)];
  if (!before.trim()) return after.trimStart();
  if (!/\s$/.test(before)) return before + after;
  return /^[\p{L}\p{N}]/u.test(after) ? before + after : before.trimEnd() + after; // no space in front of a comma
};
