// Numbers with a sign, as ink of two colours; the sign is always written too, for those who do not
// tell the colours apart.
const points = (value, digits = 1) => {
  const size = (100 * Math.abs(value)).toFixed(digits);
  const none = Number(size) === 0;
  return `${none ? "" : value < 0 ? "−" : "+"}${size}`;
};
// Full ink is `top`, the largest size of what is shown together.
const signedInk = (node, value, top) => {
  node.classList.add("signed");
  node.classList.toggle("minus", value < 0);
  node.style.setProperty("--ink-share", Math.sqrt(Math.abs(value) / Math.max(top, 1e-9)).toFixed(3));
  return node;
};
const largest = (values) => Math.max(...values.map(Math.abs), 1e-9);
