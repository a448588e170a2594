// How each ranking of words fared against random orders: a scale, and a sentence.
let value = null;

const decimal = (number) => number.toFixed(3).replace("-", "−");

const scale = (own, chance, name) => {
  const all = [own, ...chance];
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const at = (number) => `${(100 * (number - low)) / Math.max(high - low, 1e-9)}%`;
  return make("div", { className: "scale", attributes: { role: "img", "aria-label": `${name}: ${decimal(own)}; random orders from ${decimal(Math.min(...chance))} to ${decimal(Math.max(...chance))}` } }, [
    ...chance.map((number) => make("span", { className: "by-chance", style: { left: at(number) } })),
    make("span", { className: "own", style: { left: at(own) } }),
  ]);
};

const measured = (name, own, chance) =>
  make("div", { className: "measured" }, [make("span", { className: "hint", text: `${name} ${decimal(own)}` }), scale(own, chance, name)]);

const method = ({ name, sentences, removed, kept }) =>
  make("section", { className: "method" }, [
    make("h3", { text: name }),
    ...sentences.map((text) => make("p", { text })),
    measured("lost without its highest words (right is better):", removed, value.removed_by_chance),
    measured("lost with them alone (left is better):", kept, value.kept_by_chance),
  ]);

show((given) => {
  value = given.methods ? given : null;
  if (!value) return root.replaceChildren();
  root.replaceChildren(
    make("h2", { text: "Rankings of words against chance" }),
    make("div", { className: "methods" }, value.methods.map(method)),
    make("p", { className: "hint", text: `Thin lines: random orders of the same words; the thick one: the ranking. ${value.plan}` }),
  );
});
