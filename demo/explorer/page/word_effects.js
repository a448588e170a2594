// Words with what they did: a sign and a number on each, ink of two colours behind it.
const amount = (effect, number) => (number ? signedNumber(effect) : points(effect));
const signedNumber = (value) => `${Number(Math.abs(value).toFixed(2)) === 0 ? "" : value < 0 ? "−" : "+"}${Math.abs(value).toFixed(2)}`;
const unit = (number) => (number ? "" : " points");

const effectChip = (text, effect, top, number, children = []) => {
  const chip = make("span", { className: "chip effect" }, [
    make("bdi", { text }),
    ...(effect === null ? [] : [make("small", { className: "points", text: amount(effect, number) })]),
    ...children,
  ]);
  return effect === null ? chip : signedInk(chip, effect, top);
};

const taken = (way) => (way === "masked" ? "masked" : "deleted");
