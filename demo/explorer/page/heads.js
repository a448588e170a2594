// All heads at once: a grid of buttons, each showing its tile of one picture.
let grid = null;

const mark = ([layer, head]) => {
  if (!grid) return;
  grid.buttons.forEach((button, index) => {
    const here = button.dataset.layer === String(layer) && button.dataset.head === String(head);
    button.setAttribute("aria-pressed", here);
    button.tabIndex = here ? 0 : -1;
    if (here) grid.current = index;
  });
};

const tile = (layer, head, layers, columns) => {
  const name = `Layer ${layer}, ${head === "mean" ? "mean over heads" : `head ${head}`}`;
  const column = head === "mean" ? columns - 1 : head - 1;
  const place = (index, count) => (count > 1 ? `${(100 * index) / (count - 1)}%` : "0%");
  return make("button", {
    className: head === "mean" ? "tile mean" : "tile",
    attributes: { type: "button", title: name, "aria-label": name, "data-layer": layer, "data-head": head },
    style: { "--x": place(column, columns), "--y": place(layer - 1, layers) },
  });
};

const draw = ({ layers, heads, picture }) => {
  const names = [...Array(heads).keys()].map((head) => head + 1).concat("mean");
  const rows = [...Array(layers).keys()].map((layer) => [
    make("span", { className: "axis", text: layer + 1 }),
    ...names.map((head) => tile(layer + 1, head, layers, names.length)),
  ]);
  const top = [make("span", { className: "axis corner", text: "" }), ...names.map((head) => make("span", { className: `axis ${head}`, text: head }))];
  const box = make(
    "div",
    {
      className: names.length > 9 ? "heads many" : "heads",
      attributes: { role: "group", "aria-label": `Attention of ${layers} layers and ${heads} heads` },
      style: { "--columns": names.length, "--rows": layers, "--picture": `url(${picture})` },
    },
    [...top, ...rows.flat()],
  );
  root.replaceChildren(
    make("h2", { text: "Every head at once" }),
    make("p", { className: "hint", text: "Rows are layers, columns are heads. Choose one to see it large." }),
    box,
  );
  grid = { buttons: [...box.querySelectorAll(".tile")], columns: names.length, current: 0 };
};

const chooseTile = (button) => {
  const layer = Number(button.dataset.layer);
  const head = button.dataset.head === "mean" ? "mean" : Number(button.dataset.head);
  mark([layer, head]);
  trigger("choose", { layer, head });
};
root.addEventListener("click", (event) => {
  const button = event.target.closest(".tile");
  if (button) chooseTile(button);
});
root.addEventListener("keydown", (event) => {
  const index = grid ? grid.buttons.indexOf(event.target) : -1;
  const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: grid?.columns, ArrowUp: -grid?.columns }[event.key];
  if (index < 0 || !step || index + step < 0 || index + step >= grid.buttons.length) return;
  event.preventDefault();
  rove(grid.buttons, index, step);
});

show((value) => {
  const held = grid && grid.buttons.indexOf(document.activeElement);
  draw(value);
  mark(props.chosen);
  if (held >= 0) grid.buttons[held]?.focus();
});
watch("chosen", () => mark(props.chosen));
