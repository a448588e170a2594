// The model's answer: its likeliest labels as bars, and where the answer stands in the text, that
// text with its parts marked. Words and masks that can be asked about are buttons.
const { make, bdi, hint, root, show, answerBars } = library;

let value = null;

const ask = ({ place, token }) => {
  document.querySelector("#map_view")?.dispatchEvent(new CustomEvent("maps-set", { detail: { chosen: token, direction: "from" } }));
  trigger("choose", { place });
};

const pieceOf = (piece) => {
  if (piece.place === null || piece.place === undefined) return bdi(piece.text);
  const button = make("button", { className: "asked", attributes: { type: "button", "aria-pressed": piece.place === value.chosen } }, [bdi(piece.text)]);
  button.addEventListener("click", () => ask(piece));
  return button;
};

// Neighbours of one mark stand in one span, with its label behind them.
const markedText = () => {
  const parts = [];
  let open = null;
  for (const piece of value.pieces) {
    const mark = piece.mark ?? null;
    if (mark === null) open = null;
    else if (mark !== open?.mark) {
      open = { mark, node: make("mark", { className: `tone-${value.marks[mark].tone % 6}` }) };
      parts.push(open.node);
    }
    if (open) open.node.append(pieceOf(piece));
    else parts.push(pieceOf(piece));
    const last = open && value.pieces[value.pieces.indexOf(piece) + 1]?.mark !== mark;
    if (last) open.node.append(make("small", {}, [" ", bdi(value.marks[mark].label), ` ${value.marks[mark].share}`]));
  }
  return make("p", { className: "marked-text" }, parts);
};

show((given) => {
  value = given;
  if (!value.bars) return root.replaceChildren();
  const text = value.pieces ? [make("h2", { text: value.title }), markedText()] : [];
  const more = value.more > 0 ? [hint(`and ${value.more} less likely`)] : [];
  const told = value.told ? [hint(value.told)] : [];
  root.replaceChildren(...text, ...(value.pieces ? told : []), make("h2", {}, [bdi(value.heading)]), answerBars(value), ...more, ...(value.pieces ? [] : told));
});
