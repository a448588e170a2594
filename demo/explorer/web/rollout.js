// What reaches the token that the answer is read from: two strips over the same words.
const { make, bdi, hint, sized, percent, root, show, chipStrip, chipFor, ink } = library;

const strip = (value, row, title) => {
  const shares = Array(value.tokens.length).fill(null);
  value.shown.forEach((place, column) => (shares[place] = value.rows[row][column]));
  const chips = value.tokens.map((token, place) => {
    const chip = chipFor(token, shares[place] === null, "span");
    if (shares[place] !== null) chip.append(make("small", { className: "share-value", text: percent(shares[place]) }));
    return chip;
  });
  ink(chips, value.tokens, shares);
  // Full ink is the strongest word's: [CLS] itself would leave all others white.
  const top = Math.max(...shares.filter((share, place) => share !== null && !value.tokens[place].special), 1e-9);
  chips.forEach((chip, place) => chip.style.setProperty("--ink-share", Math.min(1, Math.sqrt((shares[place] ?? 0) / top)).toFixed(3)));
  const hidden = value.removed[row] > 0.0005 ? ` · shares of what is shown: ${percent(value.removed[row])} went to hidden special tokens` : "";
  return [
    make("h3", { text: `${title} · entropy of the words ${sized(value.entropies[row], 2)}${hidden}` }),
    chipStrip(title, chips, { tabindex: "0" }),
  ];
};

show((value) => {
  root.replaceChildren(
    make("h2", {}, ["What reaches ", bdi(value.query)]),
    hint(`The answer is read from here. Rollout (Abnar & Zuidema 2020) follows attention back through all ${value.layers} layers, as the mean over heads, half of it staying where it is at each layer. It flattens with depth: the more layers, the more alike the words' shares become, and the nearer their entropy comes to 1. So look at which words come first, not at how far they are ahead, and whether the last layer alone would have named others.`),
    ...strip(value, 0, `Rollout through ${value.layers} layers`),
    ...strip(value, 1, "The last layer alone, mean over heads"),
  );
}, "tokens");
