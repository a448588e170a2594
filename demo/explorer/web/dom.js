// Builds elements from data. A reader's text only ever becomes textContent or an attribute's
// value, never HTML, so nothing in it can run.
const make = (tag, options = {}, children = []) => {
  const { className, text, attributes = {}, style = {} } = options;
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  for (const [name, value] of Object.entries(style)) node.style.setProperty(name, value);
  node.append(...children);
  return node;
};
// A size with so many digits: what they cannot show is "<0.1", and only nothing is 0.
const sized = (size, digits) => {
  const text = size.toFixed(digits);
  return size > 0 && !Number(text) ? `<${(10 ** -digits).toFixed(digits)}` : text;
};
// Nor is anything but all of it 100 %.
const percent = (share) => {
  if (share > 0.9995 && share < 1) return ">99.9 %";
  return `${sized(100 * share, share < 0.0995 || (share > 0.995 && share < 1) ? 1 : 0)} %`;
};
const root = element.querySelector(".widget");
// Calls draw with each new value, and with the one that is already there.
const show = (draw) => {
  const update = () => props.value && draw(props.value);
  watch("value", update);
  update();
};
// Arrow keys move among buttons, of which only one is a tab stop.
const rove = (buttons, index, step) => {
  const target = buttons[Math.min(Math.max(index + step, 0), buttons.length - 1)];
  buttons.forEach((button) => (button.tabIndex = button === target ? 0 : -1));
  target.focus();
};
