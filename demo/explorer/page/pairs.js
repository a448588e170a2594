// What two words do together: the strongest in words, all as a table.
let value = null;

const quoted = (index) => make("strong", {}, [make("bdi", { text: `“${value.words[index]}”` })]);

const told = ([one, other]) => {
  const together = value.interactions[one][other];
  const how = together < 0 ? "each counts for less while the other is there" : "each counts for more while the other is there";
  return make("li", {}, [quoted(one), " and ", quoted(other), `: ${amount(together, value.number)}${unit(value.number)}, ${how}`, ` (alone ${amount(value.effects[one], value.number)} and ${amount(value.effects[other], value.number)}).`]);
};

const table = () => {
  const top = largest(value.interactions.flat());
  const name = (text, scope) => make("th", { attributes: { scope } }, [make("bdi", { text })]);
  const rows = value.words.map((word, row) =>
    make("tr", {}, [
      name(word, "row"),
      ...value.interactions[row].map((together, column) =>
        row === column ? make("td", { text: "" }) : signedInk(make("td", { text: amount(together, value.number) }), together, top),
      ),
    ]),
  );
  const head = make("tr", {}, [make("td"), ...value.words.map((word) => name(word, "col"))]);
  return make("div", { className: "scrolls", attributes: { tabindex: "0", role: "region", "aria-label": "Interaction of every two words" } }, [make("table", { className: "effects" }, [head, ...rows])]);
};

const notes = () => {
  const left = value.left_out ? ` ${value.left_out} words of smaller effect were not paired.` : "";
  return `In each cell p(x) − p(x without u) − p(x without v) + p(x without both)${value.number ? "" : ", in points"}, where p is ${value.number ? "the number" : "the probability of"} ${value.label}; words are ${taken(value.way)}. 0: the two have nothing to do with each other.${left}`;
};

show((given) => {
  value = given.words ? given : null;
  if (!value) return root.replaceChildren();
  if (!value.strongest.length) return root.replaceChildren(make("p", { text: "There are no two words in this text." }));
  root.replaceChildren(
    make("h2", { text: `Two words together, for ${value.label}` }),
    make("ul", { className: "plain-list" }, value.strongest.map(told)),
    table(),
    make("p", { className: "hint", text: notes() }),
  );
});
