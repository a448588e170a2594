// Words with what they did: a sign and a number on each, ink of two colours behind it.
const effectChip = (text, given, top, children = []) => {
  const told = given.effect === null ? [] : [make("small", { className: "amount", text: short(given) })];
  if (given.effect !== null && given.log_odds_effect !== null) told.push(make("small", { className: "points", text: `(${points(given.effect)})` }));
  const chip = make("span", { className: "chip effect" }, [make("bdi", { text }), ...told, ...children]);
  return given.effect === null ? chip : signedInk(chip, mainOf(given), top);
};

const taken = (way) => (way === "masked" ? "masked" : "deleted");
