// The heads that are left out, as this page knows them: pairs of layer and head, from 1.
const one = ([layer, head]) => `layer ${layer}, head ${head}`;
const has = (heads, [layer, head]) => heads.some((pair) => pair[0] === layer && pair[1] === head);
const less = (heads, others) => heads.filter((pair) => !has(others, pair));
const together = (heads, others) => [...heads, ...less(others, heads)];
// What is left out after these are toggled: they go, or come back if all of them were gone.
const toggled = (heads, these) =>
  these.every((pair) => has(heads, pair)) ? less(heads, these) : together(heads, these);
const layerOf = (layer, heads) => [...Array(heads).keys()].map((head) => [layer, head + 1]);
