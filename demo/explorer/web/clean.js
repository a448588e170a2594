// A clean sentence with the places that were spoiled: how, and once it is known whether they are
// mended, with a mark for it.
const cleanSentence = ({ sentence, pieces }) => {
  const piece = ({ text, kind, mended }) => {
    if (!kind) return text;
    const [state, said] = mended === undefined ? ["", kind] : mended ? ["mended", `✓ ${kind}, mended`] : ["wrong", `✗ ${kind}, not mended`];
    return make("span", { className: `slip ${state}` }, [make("bdi", { text }), " ", make("small", { text: said })]);
  };
  return [
    make("p", { className: "hint", text: sentence }),
    ...(pieces.length ? [make("p", { className: "clean" }, pieces.map(piece))] : []),
  ];
};
