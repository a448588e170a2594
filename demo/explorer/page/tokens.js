// The text as tokens. The chosen one looks: the ink behind the others is its row of the map.
let shown = null;
let chosen = 0;

const decode = (value) => {
  const bytes = Uint8Array.from(atob(value.rows), (character) => character.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  const count = value.indexes.length;
  // The share of token `query`'s attention that goes to each token; null where one is hidden.
  return (query) => {
    const row = value.indexes.indexOf(query);
    const shares = value.tokens.map(() => null);
    value.indexes.forEach((index, column) => {
      shares[index] = (value.tops[row] * view.getUint16(2 * (row * count + column), true)) / 65535;
    });
    return { shares, removed: value.removed[row] };
  };
};

const nameOf = (index) => {
  const token = shown.tokens[index];
  return token.special ? token.text : `“${token.continues ? "##" : ""}${token.text}”`;
};

const paint = (query) => {
  const { shares, removed } = shown.row(query);
  const top = Math.max(...shares, 1e-9);
  const chips = [...root.querySelectorAll(".chip")];
  chips.forEach((chip, index) => {
    const share = shares[index];
    chip.style.setProperty("--ink-share", share === null ? 0 : Math.sqrt(share / top).toFixed(3));
    chip.classList.toggle("query", index === query);
    chip.title = share === null ? "hidden" : `${shown.tokens[index].piece} · ${percent(share)}`;
  });
  return { shares, removed };
};

const choose = (query) => {
  chosen = query;
  const { shares, removed } = paint(query);
  [...root.querySelectorAll(".chip")].forEach((chip, index) => {
    chip.setAttribute("aria-pressed", index === query);
    chip.tabIndex = index === query ? 0 : -1;
  });
  const best = shares
    .map((share, index) => ({ share, index }))
    .filter(({ share }) => share > 0)
    .sort((a, b) => b.share - a.share)
    .slice(0, 6);
  const line = root.querySelector(".looks-at");
  line.replaceChildren(
    make("strong", {}, [make("bdi", { text: nameOf(query) })]),
    ` looks at `,
    ...best.flatMap(({ share, index }, place) => [
      place ? ", " : "",
      make("span", { className: "target" }, [make("bdi", { text: nameOf(index) }), " ", make("b", { text: percent(share) })]),
    ]),
    best.length ? "" : "nothing that is shown",
    removed > 0.0005
      ? ` (shares of what is shown; ${percent(removed)} of its attention went to hidden special tokens)`
      : "",
    ".",
  );
};

const chipFor = (token, index) => {
  const hidden = !shown.indexes.includes(index);
  const classes = ["chip", token.special && "special", token.continues && "continues", hidden && "hidden"];
  const number = token.number ? [make("small", { text: token.number })] : [];
  return make(
    "button",
    {
      className: classes.filter(Boolean).join(" "),
      attributes: { type: "button", ...(hidden ? { disabled: "" } : {}) },
    },
    [...number, make("bdi", { text: token.text })],
  );
};

const drawAll = () => {
  const strip = make("div", { className: "chips", attributes: { role: "group", "aria-label": "Tokens of the text" } });
  shown.tokens.forEach((token, index) => {
    const first = index === 0 || shown.tokens[index - 1].segment !== token.segment;
    if (shown.pair && first) {
      strip.append(make("span", { className: "segment", text: token.segment ? "Text B" : "Text A" }));
    }
    strip.append(chipFor(token, index));
  });
  if (shown.left_out) {
    strip.append(make("span", { className: "left-out", text: `… ${shown.left_out} more tokens were not read` }));
  }
  const scrolled = root.querySelector(".chips")?.scrollTop ?? 0;
  root.replaceChildren(
    make("h2", { text: "What a token looks at" }),
    make("p", { className: "hint", text: `${shown.tokens.length} tokens · ${shown.name} · choose a token to see where it looks` }),
    strip,
    make("p", { className: "looks-at", attributes: { "aria-live": "polite" } }),
  );
  strip.scrollTop = scrolled;
};

// Long texts scroll inside their strip: the chosen token must be seen, and the page stay in place.
const reveal = () => {
  const strip = root.querySelector(".chips");
  const chip = root.querySelector(".chip.query");
  if (!chip) return;
  const top = chip.offsetTop - strip.offsetTop;
  const below = top + chip.offsetHeight > strip.scrollTop + strip.clientHeight;
  if (top < strip.scrollTop || below) strip.scrollTop = top - strip.clientHeight / 2;
};

const chipAt = (event) => {
  const chip = event.target.closest(".chip");
  return chip && !chip.disabled ? [...root.querySelectorAll(".chip")].indexOf(chip) : -1;
};
root.addEventListener("click", (event) => chipAt(event) >= 0 && choose(chipAt(event)));
root.addEventListener("mouseover", (event) => chipAt(event) >= 0 && paint(chipAt(event)));
root.addEventListener("mouseleave", () => shown && shown.indexes.length && paint(chosen));
root.addEventListener("keydown", (event) => {
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, Home: -Infinity, End: Infinity }[event.key];
  if (!step || chipAt(event) < 0) return;
  event.preventDefault();
  const usable = [...root.querySelectorAll(".chip:not(:disabled)")];
  rove(usable, usable.indexOf(event.target), step);
  choose(chipAt({ target: document.activeElement }));
});

show((value) => {
  const same = shown && shown.reading === value.reading;
  shown = { ...value, row: decode(value) };
  drawAll();
  if (value.chosen !== null) chosen = value.chosen;
  else if (!same) chosen = value.first;
  if (!value.indexes.includes(chosen)) chosen = value.indexes[0];
  if (chosen === undefined) chosen = 0;
  else choose(chosen);
  if (!same || value.chosen !== null) reveal();
});
