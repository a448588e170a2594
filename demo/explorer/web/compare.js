// Two readings side by side, and the heads whose attention moved between them.
const { make, bdi, hint, percent, root, show, chipStrip, signed, points, signedInk, askedAbout, answerBars, namedTable } = library;

let value = null;

const sideCard = (words, index) => {
  const shared = new Set(value.shared.map((pair) => pair[index]));
  const chips = words.map((text, place) => {
    const classes = ["chip", value.special[index][place] && "special", !shared.has(place) && "changed"];
    const attributes = shared.has(place) ? {} : { title: "only in this text" };
    return make("span", { className: classes.filter(Boolean).join(" "), attributes }, [bdi(text)]);
  });
  return make("div", { className: "side" }, [
    make("h3", { text: `${index ? "Compared with" : "Shown above"}${value.same_model ? "" : ` · ${value.bundles[index]}`}` }),
    chipStrip(`Words of text ${index + 1}`, chips),
    answerBars(value.answers[index]),
    ...value.notices[index].map((text) => hint(text)),
  ]);
};

const cell = (share) => make("td", { text: share < 0.005 ? "" : Math.round(100 * share), style: { "--ink-share": Math.sqrt(share).toFixed(3) }, className: "weight" });
const change = (share) => signedInk(make("td", { text: Math.abs(share) < 0.005 ? "" : points(share, 0) }), share, 0.5);

const table = (title, names, rows, draw) => {
  const named = rows.map((row, place) => [names[place], row.map(draw)]);
  return namedTable(title, [...names, "all others"], named, [make("caption", { text: title })]);
};

const showHead = (index) => {
  [...root.querySelectorAll(".moved-head")].forEach((button, place) => button.setAttribute("aria-pressed", place === index));
  const names = value.shared.map(([first]) => value.words[0][first]);
  const [one, other] = value.maps[index];
  const difference = one.map((row, i) => row.map((share, j) => other[i][j] - share));
  root.querySelector(".maps").replaceChildren(
    table("First text, in %", names, one, cell),
    table("Second text, in %", names, other, cell),
    table("Second less first, in points", names, difference, change),
  );
};

const headButton = ([layer, head], index) => {
  const text = `layer ${layer}, head ${head}: ${percent(value.moved[value.layers.indexOf(layer)][head - 1])}`;
  const button = make(value.maps ? "button" : "span", { className: "moved-head chip", text, attributes: value.maps ? { type: "button" } : {} });
  if (value.maps) button.addEventListener("click", () => showHead(index));
  return button;
};

const heads = () => {
  if (!value.moved) return [hint("The two models have other layers or heads, so that no head of one is a head of the other.")];
  if (!value.shared.length) return [hint("The two texts have no word in common: there is nothing to lay maps on.")];
  const mean = value.moved.flat().reduce((sum, share) => sum + share, 0) / value.moved.flat().length;
  return [
    make("h3", { text: "Heads that changed most" }),
    hint(`The share of a word's attention that moved, mean of the ${value.shared.length} words in common; ${percent(mean)} over all heads. ${value.maps ? "Choose one to see both maps and their difference." : `The maps are not drawn: with more than ${value.most_words} words in common nobody could read them.`}`),
    chipStrip("Heads that changed most", value.most_moved.map(headButton)),
    make("div", { className: "maps" }),
  ];
};

const contrast = () => {
  if (!value.contrast) return "";
  const [before, after] = value.contrast.log_odds;
  const went = after === null ? `${signed(before, 2)}; the other model lacks one of the two` : `from ${signed(before, 2)} to ${signed(after, 2)}`;
  return ` ${askedAbout(value.contrast)}: log-odds ${went}.`;
};

const sentence = () => {
  const [first, second] = value.answers.map(({ bars }) => bars[0]);
  if (first.share === undefined || second.share === undefined) return "";
  const [before, after] = value.log_odds.map((odds) => odds?.[first.label]);
  const moved = after === undefined ? "" : ` ${first.label}: log-odds from ${signed(before, 2)} to ${signed(after, 2)}.`;
  return first.label === second.label
    ? `Both are ${first.label}; its probability went from ${first.text} to ${second.text}.${moved}${contrast()}`
    : `The answer changed from ${first.label} (${first.text}) to ${second.label} (${second.text}).${moved}${contrast()}`;
};

show((given) => {
  value = given;
  root.replaceChildren(
    make("h2", { text: "Side by side" }),
    make("p", { className: value.equal ? "equal" : "", text: value.equal || sentence() }),
    make("div", { className: "sides" }, value.words.map(sideCard)),
    ...(value.equal ? [] : heads()),
  );
  if (!value.equal && value.maps && value.shared.length) showHead(0);
}, "bundles");
