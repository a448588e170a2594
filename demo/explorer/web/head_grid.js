// A grid of heads, a row for each layer: cells of signed ink, walked with the arrow keys.
const headGrid = (label, rows, names) => {
  const axis = (text) => make("span", { className: "axis", text });
  const box = make("div", {
    className: "head-grid",
    attributes: { role: "group", "aria-label": label, "data-columns": names.length },
    style: { "--columns": names.length },
  });
  box.append(axis(""), ...names.map(axis));
  rows.forEach((cells, layer) => box.append(axis(layer + 1), ...cells));
  const first = box.querySelector(".cell");
  if (first) first.tabIndex = 0;
  return box;
};
// `effect` is null where nothing was measured.
const headCell = ({ layer, head, effect, top, text, name }) => {
  const cell = make("button", {
    className: effect === null ? "cell" : "cell measured",
    text,
    attributes: { type: "button", title: name, "aria-label": name, tabindex: "-1", "data-layer": layer, "data-head": head },
  });
  return effect === null ? cell : signedInk(cell, effect, top);
};
// What stands in a cell: nothing where its ink is next to none, no more than it has room for.
const cellText = (effect, top) => {
  const digits = top < 0.95 ? 2 : 1;
  const seen = effect !== null && Math.abs(effect) >= Math.max(top / 20, 0.5 * 10 ** -digits);
  return seen ? signed(effect, digits).replace(/^(.)0\./, "$1.") : "";
};
const place = ({ dataset }) => [Number(dataset.layer), dataset.head === "all" ? "all" : Number(dataset.head)];

// Mouse and keyboard on the cells.
const followCells = (choose) => {
  root.addEventListener("click", ({ target }) => {
    const cell = target.closest(".cell");
    if (cell) choose(cell);
  });
  root.addEventListener("keydown", (event) => {
    const grid = event.target.closest(".head-grid");
    const columns = Number(grid?.dataset.columns);
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns }[event.key];
    if (!step || !event.target.matches(".cell")) return;
    event.preventDefault();
    const cells = [...grid.querySelectorAll(".cell")];
    const index = cells.indexOf(event.target);
    if (cells[index + step]) rove(cells, index, step);
  });
};
