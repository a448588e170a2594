// Sets of heads: pairs of layer and head, from 1.
import { range } from "./maths.js";

export const one = ([layer, head]) => `layer ${layer}, head ${head}`;
export const has = (heads, [layer, head]) => heads.some((pair) => pair[0] === layer && pair[1] === head);
export const less = (heads, others) => heads.filter((pair) => !has(others, pair));
export const together = (heads, others) => [...heads, ...less(others, heads)];
export const layerOf = (layer, heads) => range(heads).map((head) => [layer, head + 1]);
// What is ablated after these are toggled: they go, or come back if all of them were gone.
export const toggled = (heads, these) => (these.every((pair) => has(heads, pair)) ? less(heads, these) : together(heads, these));
