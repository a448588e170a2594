// What a reader has chosen, as plain JSON. Layers and heads count from 1, as people count, or are
// "mean" or "max"; `chosen` is a token of the text, from 0, on the side that `direction` starts from.
import { range } from "./maths.js";

const FIRST = { head: 1, words: true, special_tokens: true, by_norms: false, log_scale: false, direction: "from", chosen: null };

const isPlace = (value, count) => Number.isInteger(value) && value >= 1 && value <= count;
const joins = (value) => value === "mean" || value === "max";

export const attentionOf = (data, state) => data.attentions.find(({ looks_at }) => looks_at === state.looks_at) ?? data.attentions[0];

// The layers and heads that an attention has maps of: the data's, but where it says its own, as an
// encoder's beside those of a decoder.
export const sizesOf = (data, { layers = data.layers, heads = data.heads, all_layers = data.all_layers }) => ({ layers, heads, all_layers });

// A state that fits some data, whatever was asked for: a link may say anything, and another text
// has other tokens.
export const fittingState = (asked, data) => {
  const given = asked && typeof asked === "object" ? asked : {};
  const switchOf = (name) => (typeof given[name] === "boolean" ? given[name] : FIRST[name]);
  const attention = attentionOf(data, given);
  const { layers, heads, all_layers } = sizesOf(data, attention);
  const layer = layers.includes(given.layer) || (joins(given.layer) && all_layers) ? given.layer : layers[0];
  const head = isPlace(given.head, heads) || joins(given.head) ? given.head : FIRST.head;
  const direction = given.direction === "to" ? "to" : "from";
  const side = data.sides[direction === "from" ? attention.queries : attention.keys];
  return {
    layer,
    head,
    words: switchOf("words"),
    special_tokens: switchOf("special_tokens"),
    by_norms: switchOf("by_norms") && attention.has_norms,
    log_scale: switchOf("log_scale"),
    looks_at: attention.looks_at,
    direction,
    chosen: isPlace(given.chosen + 1, side.tokens.length) ? given.chosen : null,
  };
};

// ---- Sets of heads, such as the ablated ones: pairs of layer and head, from 1.

export const one = ([layer, head]) => `layer ${layer}, head ${head}`;
export const has = (heads, [layer, head]) => heads.some((pair) => pair[0] === layer && pair[1] === head);
export const less = (heads, others) => heads.filter((pair) => !has(others, pair));
export const together = (heads, others) => [...heads, ...less(others, heads)];
export const layerOf = (layer, heads) => range(heads).map((head) => [layer, head + 1]);
// What is ablated after these are toggled: they go, or come back if all of them were gone.
export const toggled = (heads, these) => (these.every((pair) => has(heads, pair)) ? less(heads, these) : together(heads, these));
