// Numbers with a sign, as ink of two colours; the sign is always written too, for those who do not
// tell the colours apart.
const signed = (value, digits) => (value ? `${value < 0 ? "−" : "+"}${sized(Math.abs(value), digits)}` : "0");
const points = (share, digits = 1) => signed(100 * share, digits);
// Full ink is `top`, the largest size of what is shown together.
const signedInk = (node, value, top) => {
  node.classList.add("signed");
  node.classList.toggle("minus", value < 0);
  node.style.setProperty("--ink-share", Math.sqrt(Math.abs(value) / Math.max(top, 1e-9)).toFixed(3));
  return node;
};
const largest = (values) => Math.max(...values.map(Math.abs), 1e-9);
