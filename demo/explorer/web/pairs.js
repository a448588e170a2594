// What two words do together: the strongest in words, all as a table.
const { make, bdi, hint, root, show, points, signedInk, mainOf, short, amount, fullInk, paired, askedAbout, namedTable } = library;

let value = null;

const quoted = (index) => make("strong", {}, [bdi(`“${value.words[index]}”`)]);

const both = (row, column) => ({ effect: value.interactions[row][column], log_odds_effect: value.log_odds_interactions ? value.log_odds_interactions[row][column] : null });

// How much a word counts while the other is there, by the sign of what it does alone: of a word against
// the answer, an interaction below nothing makes it count for more.
const counted = (alone, together) => `${mainOf(alone) < 0 === mainOf(together) < 0 ? "more" : "less"} ${mainOf(alone) < 0 ? "against" : "for"} it`;

const told = ([one, other]) => {
  const together = both(one, other);
  const alone = paired(value.effects, value.log_odds_effects);
  const [first, second] = [one, other].map((word) => counted(alone[word], together));
  const how = first === second ? [`each counts ${first}`] : [quoted(one), ` counts ${first} and `, quoted(other), ` ${second}`];
  return make("li", {}, [quoted(one), " and ", quoted(other), `: ${amount(together)}, `, ...how, ` while the other is there; alone ${short(alone[one])} and ${short(alone[other])}.`]);
};

const cellOf = (given, top) => {
  const cell = make("td", {}, [make("span", { className: "amount", text: short(given) })]);
  if (!value.number) cell.append(make("small", { className: "points", text: `(${points(given.effect)})` }));
  return signedInk(cell, mainOf(given), top);
};

const table = () => {
  const places = [...value.words.keys()];
  const top = fullInk(places.flatMap((row) => places.map((column) => both(row, column))), value.least);
  const cells = (row) => places.map((column) => (row === column ? make("td", { text: "" }) : cellOf(both(row, column), top)));
  return namedTable("Interaction of every two words", value.words, value.words.map((word, row) => [word, cells(row)]));
};

const notes = () => {
  const left = value.words_left_out ? ` ${value.words_left_out} words of smaller effect were not paired.` : "";
  const what = value.number ? "the number" : "the log-odds";
  const beside = value.number ? "" : "; in brackets, the same of its probability, in points: there the ceiling of 100% makes any two words of a sure answer count for less together";
  return `In each cell f(x) − f(x without u) − f(x without v) + f(x without both), where f is ${what} of ${askedAbout(value)}${beside}. Words are ${value.way}. 0: the two have nothing to do with each other.${left}`;
};

const strongest = () => {
  if (value.strongest.length) return make("ul", { className: "plain-list" }, value.strongest.map(told));
  const least = value.number ? "a hundredth of the number" : `${value.least} of log-odds`;
  return make("p", { className: "quiet", text: `No two ${value.words_left_out ? `of the words that were paired (${value.words.length})` : "words"} have anything to do with each other: all that any of them do together is less than ${least}.` });
};

show((given) => {
  value = given;
  if (value.words.length < 2) return root.replaceChildren(make("p", { text: "There are no two words in this text." }));
  root.replaceChildren(
    make("h2", { text: `Two words together, for ${askedAbout(value)}` }),
    strongest(),
    table(),
    hint(notes()),
  );
}, "words");
