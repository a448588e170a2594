// Elements made from data. A reader's text only ever becomes textContent or an attribute's value,
// never HTML, so nothing in it can run.

export const make = (tag, options = {}, children = []) => {
  const { className, text, attributes = {}, style = {} } = options;
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  for (const [name, value] of Object.entries(style)) node.style.setProperty(name, value);
  node.append(...children);
  return node;
};
export const bdi = (text) => make("bdi", { text });
export const hint = (text) => make("p", { className: "hint", text });

// A size with so many digits: what they cannot show is "<0.1", and only nothing is 0.
export const sized = (size, digits) => {
  const text = size.toFixed(digits);
  return size > 0 && !Number(text) ? `<${(10 ** -digits).toFixed(digits)}` : text;
};
// Nor is anything but all of it 100%.
export const percent = (share) => {
  if (share > 0.9995 && share < 1) return ">99.9%";
  return `${sized(100 * share, share < 0.0995 || (share > 0.995 && share < 1) ? 1 : 0)}%`;
};

// Arrow keys move among buttons, of which only one is a tab stop.
export const rove = (buttons, index, step) => {
  const target = buttons[Math.min(Math.max(index + step, 0), buttons.length - 1)];
  buttons.forEach((button) => (button.tabIndex = button === target ? 0 : -1));
  target.focus();
};

// ---- Tokens as chips in a strip, which readers of a screen hear by its label.

export const chipStrip = (label, chips = [], { className = "", ...attributes } = {}) =>
  make("div", { className: `chips ${className}`.trim(), attributes: { role: "group", "aria-label": label, ...attributes } }, chips);

export const nameOf = (token) => (token.special ? token.text : `“${token.continues ? "##" : ""}${token.text}”`);

export const chipFor = (token, hidden, tag = "button") => {
  const long = token.text.length > 24 && "long";
  const classes = ["chip", token.special && "special", token.continues && "continues", hidden && "hidden", long];
  const number = token.number ? [make("small", { text: token.number })] : [];
  const attributes = tag === "button" ? { type: "button", ...(hidden ? { disabled: "" } : {}) } : {};
  return make(tag, { className: classes.filter(Boolean).join(" "), attributes }, [...number, bdi(token.text)]);
};

// The ink behind chips is one row of a map, or one column; full ink is `top`.
export const ink = (chips, tokens, shares, top = Math.max(...shares, 1e-9)) => {
  chips.forEach((chip, index) => {
    const share = shares[index];
    const inked = share === null ? "0" : Math.min(1, Math.sqrt(share / top)).toFixed(2);
    // A long text has hundreds of chips, of which few change.
    if (chip.inked !== inked) chip.style.setProperty("--ink-share", (chip.inked = inked));
    chip.title = share === null ? "hidden" : `${tokens[index].piece} · ${percent(share)}`;
  });
};

// One chip is chosen and a tab stop; its strip scrolls until it is seen, and the page stays.
export const press = (chips, chosen) => {
  chips.forEach((chip, index) => {
    const pressed = String(index === chosen);
    if (chip.getAttribute("aria-pressed") === pressed) return;
    chip.setAttribute("aria-pressed", pressed);
    chip.classList.toggle("query", index === chosen);
    chip.tabIndex = index === chosen ? 0 : -1;
  });
};
export const reveal = (strip) => {
  const chip = strip?.querySelector(".chip.query");
  if (!chip) return;
  const [here, around] = [chip, strip].map((one) => one.getBoundingClientRect());
  const top = here.top - around.top + strip.scrollTop;
  const below = top + here.height > strip.scrollTop + strip.clientHeight;
  if (top < strip.scrollTop || below) strip.scrollTop = top - strip.clientHeight / 2;
};

// Mouse and keyboard on the chips of the strips with this selector, within an element.
export const followChips = (root, selector, { choose, paint, leave }) => {
  const all = (strip) => [...strip.querySelectorAll(".chip")];
  const at = (target) => {
    const strip = target.closest(selector);
    const chip = strip && target.closest(".chip");
    return chip && !chip.disabled ? all(strip).indexOf(chip) : -1;
  };
  root.addEventListener("click", ({ target }) => at(target) >= 0 && choose(at(target)));
  root.addEventListener("mouseover", ({ target }) => at(target) >= 0 && paint(at(target)));
  root.addEventListener("mouseleave", leave);
  root.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, Home: -Infinity, End: Infinity }[event.key];
    if (!step || at(event.target) < 0) return;
    event.preventDefault();
    const usable = all(event.target.closest(selector)).filter((chip) => !chip.disabled);
    rove(usable, usable.indexOf(event.target), step);
    choose(at(document.activeElement));
  });
};
