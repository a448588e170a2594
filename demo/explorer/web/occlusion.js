// What each word did to the answer: its effect as ink and number, attention as a line below.
const { make, bdi, hint, percent, root, show, chipStrip, mainOf, amount, fullInk, paired, askedAbout, wholeOf, lessThanCounts, effectChip } = library;

let value = null;

const MARKS = { idle: "○", against: "⇄", unseen: "!" };
const MOST_NAMED = 6; // disagreements that are put into words

const share = (word, top) => make("span", { className: "share", style: { width: `${(100 * word.share) / top}%` } });

const chipOf = (word, top, mostSeen) => {
  const mark = word.mark ? [make("small", { className: "mark", text: MARKS[word.mark], attributes: { "aria-label": word.mark } })] : [];
  const chip = effectChip(word.text, word, top, [...mark, share(word, mostSeen)]);
  chip.classList.toggle("marked", Boolean(word.mark));
  chip.title = `${word.effect === null ? "not tried" : `effect ${amount(word)}`}, ${percent(word.share)} of the attention from ${value.looks}`;
  return chip;
};

const strip = () => {
  const top = fullInk(value.words, value.least);
  const mostSeen = Math.max(...value.words.map((word) => word.share), 1e-9);
  const box = chipStrip("Words and their effects", [], { tabindex: "0" });
  const topSentence = fullInk(value.sentences, value.least);
  value.words.forEach((word, index) => {
    const before = value.words[index - 1];
    if (value.pair && before?.segment !== word.segment) box.append(make("span", { className: "segment", text: word.segment ? "Text B" : "Text A" }));
    const place = value.sentences.findIndex(({ words }) => words[0] === index);
    if (place >= 0) box.append(make("span", { className: "begins" }), effectChip(`Sentence ${place + 1}`, value.sentences[place], topSentence));
    box.append(chipOf(word, top, mostSeen));
  });
  return box;
};

const DISAGREES = {
  idle: (word) => [` gets ${percent(word.share)} of the attention, yet without it the answer hardly changes: ${amount(word)}.`],
  against: (word) => [` gets ${percent(word.share)} of the attention, and speaks against ${askedAbout(value)}: ${amount(word)}.`],
  unseen: (word) => [` has one of the largest effects, ${amount(word)}, and gets hardly any attention: ${percent(word.share)}.`],
};

// Of words that were not tried nothing is said.
const noWord = (tried) => (value.left_out ? `Of the words that were tried (${tried}), none` : "No word");

const disagreements = () => {
  const tried = value.words.filter(({ effect }) => effect !== null);
  if (!tried.length) return [make("p", { className: "quiet", text: "No word was tried: without what is asked about there is nothing to ask." })];
  if (!value.matters) return [make("p", { className: "quiet", text: `${noWord(tried.length)} matters on its own: without any one of them ${lessThanCounts(value)}. Attention has nothing to disagree with.` })];
  if (!value.moves_answer) {
    const most = tried.reduce((best, word) => (Math.abs(mainOf(word)) > Math.abs(mainOf(best)) ? word : best));
    return [make("p", { className: "quiet" }, [`${noWord(tried.length)} moves the answer by one point: the largest effect is that of `, make("strong", {}, [bdi(`“${most.text}”`)]), `, ${amount(most)}. That is too little for attention to disagree with.`])];
  }
  const marked = value.words.filter(({ mark }) => mark).sort((a, b) => Math.abs(mainOf(b)) - Math.abs(mainOf(a)) || b.share - a.share);
  const where = value.left_out ? `none of the words that were tried (${tried.length})` : "no word";
  if (!marked.length) return [make("p", { text: `Attention and effect disagree on ${where}: what gets most attention is also what counts.` })];
  const items = marked.slice(0, MOST_NAMED).map((word) =>
    make("li", {}, [`${MARKS[word.mark]} `, make("strong", {}, [bdi(`“${word.text}”`)]), ...DISAGREES[word.mark](word)]),
  );
  const more = marked.length - items.length;
  return [
    make("h3", { text: "Where attention and effect disagree" }),
    make("ul", { className: "plain-list" }, items),
    ...(more > 0 ? [hint(`${more} more words are marked above.`)] : []),
  ];
};

const legend = () => {
  const beside = value.number ? "" : "; in brackets, the same in points of probability";
  const long = value.sentences.length
    ? " The text is long: whole sentences were removed first, then the words of those that moved the answer most."
    : "";
  const left = value.left_out ? ` Words without a number were not tried: ${value.left_out}.` : "";
  const held = value.held ? " What is asked about is masked, not deleted: without its place there is nothing to ask." : "";
  return `+ : so much of ${wholeOf(value)} is lost with the word ${value.way}; − : the word speaks against it${beside}. The line below: how much attention it gets from ${value.looks} in ${value.layer}, mean of its heads; the longest line is the largest share. A text with a hole in it is none that the model was trained on: small effects may be the hole's.${held}${long}${left}`;
};

const rule = () => {
  const least = value.number ? "a hundredth of the number" : `${value.least} of log-odds`;
  return `Marked: ○ in the quarter that gets most attention, with less than a tenth of the largest effect; ⇄ in that quarter, with an effect against the class; ! in the quarter of largest effects, in the half that gets least attention. An effect of less than ${least} is next to nothing${value.number ? "" : ", and nobody would see one of less than a point of probability"}: where no word has more, none is marked.`;
};

const worded = (given) =>
  paired(given.effects, given.log_odds_effects).map((effect, index) => ({
    ...effect,
    text: given.words[index],
    segment: given.segments[index],
    share: given.attention[index],
    mark: given.disagreements[index],
  }));

show((given) => {
  value = { ...given, words: worded(given), whole: given.value };
  if (!value.words.length) return root.replaceChildren(make("p", { text: "There is no word in this text to remove." }));
  root.replaceChildren(
    make("h2", { text: `What each word did for ${askedAbout(value)}` }),
    strip(),
    hint(legend()),
    ...disagreements(),
    hint(rule()),
  );
}, "words");
