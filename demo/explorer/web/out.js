// The heads that are left out, as this page knows them: pairs of layer and head, from 1.
const one = ([layer, head]) => `layer ${layer}, head ${head}`;
const has = (heads, [layer, head]) => heads.some((pair) => pair[0] === layer && pair[1] === head);
const less = (heads, others) => heads.filter((pair) => !has(others, pair));
const together = (heads, others) => [...heads, ...less(others, heads)];
const equal = (heads, others) => heads.length === others.length && !less(heads, others).length;
// What is left out after these are toggled: they go, or come back if all of them were gone.
const toggled = (heads, these) =>
  these.every((pair) => has(heads, pair)) ? less(heads, these) : together(heads, these);
const layerOf = (layer, heads) => [...Array(heads).keys()].map((head) => [layer, head + 1]);

// Of quick clicks the last counts: until its answer is there, answers to earlier ones are passed
// over, but not for ever.
let sent = null;
const leaveOut = (without) => {
  sent = { without, until: Date.now() + 5000 };
  trigger("leave_out", { without });
};
const isOld = (without) => {
  const old = sent && Date.now() < sent.until && !equal(without, sent.without);
  if (!old) sent = null;
  return old;
};
