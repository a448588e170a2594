// What the generated tokens owe to the source or the prompt: signed chips above, its words below, and
// all of it as a table.
const { make, bdi, hint, percent, root, show, chipStrip, signed, signedInk, largest, nameOf, chipFor, press, followChips, namedTable } = library;

let value = null;
let current = 0;

const MOST = 40; // words or tokens of a table that can still be read

const attentionTo = () => (value.of === "source" ? "cross-attention" : "self-attention");

const line = (className = "hint") => make("p", { className, attributes: { "aria-live": "polite" } });

const told = (query) => {
  const { tokens, log_probabilities, whole } = value;
  return [
    make("strong", {}, [bdi(nameOf(tokens[query]))]),
    ` has a probability of ${percent(Math.exp(log_probabilities[query]))} with the ${value.of}, and of ${percent(Math.exp(log_probabilities[query] - whole[query]))} without it.`,
  ];
};

const strongest = (query) => {
  const { words, effects, attention } = value;
  if (!words.length) return "";
  const best = (row) => row.indexOf(Math.max(...row));
  const [needed, seen] = [best(effects[query]), best(attention[query])];
  if (effects[query][needed] < value.least) return `${value.words_left_out ? `Of the words of the ${value.of} that were tried (${words.length}), none` : `No single word of the ${value.of}`} matters to it.`;
  return needed === seen
    ? `The word that it needs most is also the one that ${attentionTo()} attends to most.`
    : `It needs “${words[needed]}” most; ${attentionTo()} attends most to “${words[seen]}”.`;
};

const wordChip = (text, effect, share, top) =>
  signedInk(
    make("span", { className: "chip effect" }, [
      bdi(text),
      make("small", { className: "points", text: signed(effect, 1) }),
      make("span", { className: "share", style: { width: `${100 * share}%` }, attributes: { title: `${attentionTo()} ${percent(share)}` } }),
    ]),
    effect,
    top,
  );

const choose = (query) => {
  current = query;
  press([...root.querySelectorAll(".target-chips .chip")], query);
  root.querySelector(".told").replaceChildren(...told(query));
  root.querySelector(".strongest").textContent = strongest(query);
  const top = Math.max(largest(value.effects.flat()), value.least);
  root.querySelector(".word-chips").replaceChildren(
    ...value.words.map((word, index) => wordChip(word, value.effects[query][index], value.attention[query][index], top)),
  );
};

const table = () => {
  const top = Math.max(largest(value.effects.flat()), value.least);
  const cell = (effect) => signedInk(make("td", { text: Math.abs(effect) < 0.05 ? "" : signed(effect, 1) }), effect, top);
  const rows = value.tokens.map((token, row) => [token.text, value.effects[row].map(cell)]);
  return namedTable(`Effect of each word of the ${value.of} on each generated token`, value.words, rows);
};

const notes = () => {
  const unit = `Numbers: by how much the natural logarithm of a token's probability falls without the word; + means that the word helped, − that the token would be likelier without it. The line below a word is its share of ${attentionTo()}, mean of all heads.`;
  const left = value.words_left_out ? ` ${value.words_left_out} words that get least attention were not tried: it would have taken too long.` : "";
  const small = value.words.length <= MOST && value.tokens.length <= MOST;
  return unit + left + (small ? "" : " The text is too long for a table of all.");
};

followChips(".target-chips", { choose, paint: () => {}, leave: () => {} });

show((given) => {
  value = given;
  const top = Math.max(largest(value.whole), value.least);
  const chips = value.tokens.map((token, index) => signedInk(chipFor(token, false), value.whole[index], top));
  const small = value.words.length <= MOST && value.tokens.length <= MOST;
  root.replaceChildren(
    make("h2", { text: `What the ${value.of} did` }),
    hint(`Words were removed ${value.way}. More ink: the token owes more to the ${value.of}. Choose one.`),
    chipStrip(`Generated tokens, inked by what they owe to the ${value.of}`, chips, { className: "target-chips" }),
    line("told"),
    chipStrip("Words and their effect on the chosen token", [], { className: "word-chips" }),
    line("strongest"),
    hint(notes()),
    ...(small ? [table()] : []),
  );
  const owing = value.whole.indexOf(Math.max(...value.whole));
  choose(Math.min(owing, value.tokens.length - 1));
}, "tokens");
