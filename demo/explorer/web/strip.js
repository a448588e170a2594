// Tokens as chips in a strip. The ink behind them is one row of a map.

// The shares that a query gives to each of `count` keys; null where one is hidden.
const unpack = (value, count) => {
  const bytes = Uint8Array.from(atob(value.rows), (character) => character.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  return (query) => {
    const row = value.queries.indexOf(query);
    const shares = Array(count).fill(null);
    if (row < 0) return { shares, removed: 0 };
    value.keys.forEach((index, column) => {
      const packed = view.getUint16(2 * (row * value.keys.length + column), true);
      shares[index] = (value.tops[row] * packed) / 65535;
    });
    return { shares, removed: value.removed[row], maximum: value.maximum };
  };
};

const nameOf = (token) => (token.special ? token.text : `“${token.continues ? "##" : ""}${token.text}”`);

const chipFor = (token, hidden, tag = "button") => {
  const classes = ["chip", token.special && "special", token.continues && "continues", hidden && "hidden"];
  const number = token.number ? [make("small", { text: token.number })] : [];
  const attributes = tag === "button" ? { type: "button", ...(hidden ? { disabled: "" } : {}) } : {};
  return make(tag, { className: classes.filter(Boolean).join(" "), attributes }, [
    ...number,
    make("bdi", { text: token.text }),
  ]);
};

const ink = (chips, tokens, shares) => {
  const top = Math.max(...shares, 1e-9);
  chips.forEach((chip, index) => {
    const share = shares[index];
    chip.style.setProperty("--ink-share", share === null ? 0 : Math.sqrt(share / top).toFixed(3));
    chip.title = share === null ? "hidden" : `${tokens[index].piece} · ${percent(share)}`;
  });
};

// The line under a strip: where a token looks, in words.
const looksAt = (query, tokens, { shares, removed, maximum = false }) => {
  const best = shares
    .map((share, index) => ({ share, index }))
    .filter(({ share }) => share >= 0.0005) // less would be written as 0.0 %
    .sort((a, b) => b.share - a.share)
    .slice(0, 6);
  return [
    make("strong", {}, [make("bdi", { text: nameOf(query) })]),
    ` looks at `,
    ...best.flatMap(({ share, index }, place) => [
      place ? ", " : "",
      make("span", { className: "target" }, [make("bdi", { text: nameOf(tokens[index]) }), " ", make("b", { text: percent(share) })]),
    ]),
    best.length ? "" : "nothing that is shown",
    removed > 0.0005
      ? ` (${maximum ? "" : "shares of what is shown; "}${percent(removed)} of its attention went to hidden special tokens)`
      : "",
    maximum ? " (the largest weights of all these heads: they add up to more than 100 %)" : "",
    ".",
  ];
};

// One chip is chosen and a tab stop; its strip scrolls until it is seen, and the page stays.
const press = (chips, chosen) => {
  chips.forEach((chip, index) => {
    chip.setAttribute("aria-pressed", index === chosen);
    chip.classList.toggle("query", index === chosen);
    chip.tabIndex = index === chosen ? 0 : -1;
  });
};
const reveal = (strip) => {
  const chip = strip?.querySelector(".chip.query");
  if (!chip) return;
  const top = chip.offsetTop - strip.offsetTop;
  const below = top + chip.offsetHeight > strip.scrollTop + strip.clientHeight;
  if (top < strip.scrollTop || below) strip.scrollTop = top - strip.clientHeight / 2;
};

// Mouse and keyboard on the chips of the strip with this selector.
const followChips = (selector, { choose, paint, leave }) => {
  const all = () => [...root.querySelectorAll(`${selector} .chip`)];
  const at = (target) => {
    const chip = target.closest(`${selector} .chip`);
    return chip && !chip.disabled ? all().indexOf(chip) : -1;
  };
  root.addEventListener("click", ({ target }) => at(target) >= 0 && choose(at(target)));
  root.addEventListener("mouseover", ({ target }) => at(target) >= 0 && paint(at(target)));
  root.addEventListener("mouseleave", leave);
  root.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, Home: -Infinity, End: Infinity }[event.key];
    if (!step || at(event.target) < 0) return;
    event.preventDefault();
    const usable = all().filter((chip) => !chip.disabled);
    rove(usable, usable.indexOf(event.target), step);
    choose(at(document.activeElement));
  });
};
