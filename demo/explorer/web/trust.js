// How each ranking of words fared against random orders: a scale, and a sentence.
const { make, hint, root, show, signed, mainOf, amount, askedAbout } = library;

let value = null;

const scale = (own, chance, name) => {
  const all = [own, ...chance];
  const [low, high] = [Math.min(...all), Math.max(...all)];
  // Orders that hardly differ stand close together: the scale is never shorter than what counts.
  const length = Math.max(high - low, value.least);
  const at = (number) => `${50 + (100 * (number - (low + high) / 2)) / length}%`;
  return make("div", { className: "scale", attributes: { role: "img", "aria-label": `${name}: ${signed(own, 2)}; random orders from ${signed(Math.min(...chance), 2)} to ${signed(Math.max(...chance), 2)}` } }, [
    ...chance.map((number) => make("span", { className: "by-chance", style: { left: at(number) } })),
    make("span", { className: "own", style: { left: at(own) } }),
  ]);
};

const measured = (name, own, chance) =>
  make("div", { className: "measured" }, [make("span", { className: "hint", text: `${name} ${amount(own)}` }), scale(mainOf(own), chance, name)]);

const effectOf = (given, name) => ({ effect: given[name], log_odds_effect: given[`log_odds_${name}`] });

const method = ([name, given]) =>
  make("section", { className: "method" }, [
    make("h3", { text: name }),
    ...given.sentences.map((text) => make("p", { text })),
    measured("lost without its highest words (right is better):", effectOf(given, "comprehensiveness"), value.removed_by_chance),
    measured("lost with them alone (left is better):", effectOf(given, "sufficiency"), value.kept_by_chance),
  ]);

show((given) => {
  value = given;
  root.replaceChildren(
    make("h2", { text: `Rankings of words against chance${value.rather_than || value.about ? `, for ${askedAbout(value)}` : ""}` }),
    ...(value.for_want_of_maps ? [hint(value.for_want_of_maps)] : []),
    make("div", { className: "methods" }, Object.entries(value.methods).map(method)),
    hint(`Thin lines: random orders of the same words; the thick one: the ranking. ${value.plan}`),
  );
}, "methods");
