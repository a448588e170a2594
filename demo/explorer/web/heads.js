// All heads at once: a grid of buttons, each showing its tile of one picture.
const { make, bdi, hint, root, show, rove, one, has, toggled, layerOf } = library;

let grid = null;

const mark = ([layer, head]) => {
  if (!grid) return;
  grid.buttons.forEach((button, index) => {
    const here = button.dataset.layer === String(layer) && button.dataset.head === String(head);
    button.setAttribute("aria-pressed", here);
    button.tabIndex = here ? 0 : -1;
    if (here) grid.current = index;
  });
  // A map that joins layers has no tile; the grid stays in reach of the keyboard.
  grid.none = !grid.buttons.some((button) => button.tabIndex === 0);
  if (grid.none) grid.buttons[0].tabIndex = 0;
  markOut();
};

// Heads may be ablated where the page says which are; a tile of the mean stands for its layer.
const behind = ({ dataset: { layer, head } }) => (head === "mean" ? layerOf(Number(layer), grid.columns - 1) : [[Number(layer), Number(head)]]);
const areOut = (pairs) => Array.isArray(props.without) && pairs.every((pair) => has(props.without, pair));
const markOut = () => {
  if (!grid) return;
  for (const button of grid.buttons) {
    const out = areOut(behind(button));
    button.classList.toggle("out", out);
    button.setAttribute("aria-label", `${button.title}${out ? ", ablated" : ""}`);
  }
  const [layer, head] = props.chosen;
  const who = head === "mean" ? `all heads of layer ${layer}` : one([layer, head]);
  const gone = areOut(behind(grid.buttons[grid.current]));
  grid.leave.hidden = grid.none || !Array.isArray(props.without);
  grid.leave.textContent = gone ? `Put back ${who}` : `Ablate ${who}`;
};

const tile = (layer, head, layers, columns, type) => {
  const name = `Layer ${layer}, ${head === "mean" ? "mean over heads" : `head ${head}`}${type ? `: ${type.text}` : ""}`;
  const column = head === "mean" ? columns - 1 : head - 1;
  const place = (index, count) => (count > 1 ? `${(100 * index) / (count - 1)}%` : "0%");
  return make("button", {
    className: head === "mean" ? "tile mean" : "tile",
    attributes: { type: "button", title: name, "aria-label": name, "data-layer": layer, "data-head": head, "data-type": type?.name ?? "" },
    style: { "--x": place(column, columns), "--y": place(layer - 1, layers) },
  });
};

// Types of heads with how many there are; one that is chosen stands out among the tiles.
let picked = "";
const pick = (name) => {
  picked = name;
  grid.buttons.forEach((button) => button.classList.toggle("aside", Boolean(picked) && button.dataset.type !== picked));
  root.querySelectorAll(".type").forEach((button) => button.setAttribute("aria-pressed", button.dataset.type === picked));
};
const legend = (types) => {
  const counts = new Map();
  for (const { name } of types.flat()) counts.set(name, (counts.get(name) ?? 0) + 1);
  if (!counts.has(picked)) picked = "";
  const last = (name) => ["broad", "mixed"].indexOf(name);
  const order = [...counts].sort((a, b) => last(a[0]) - last(b[0]) || b[1] - a[1]);
  const button = ([name, count]) =>
    make("button", { className: "type", attributes: { type: "button", "data-type": name } }, [bdi(name), " ", make("b", { text: count })]);
  return make("div", { className: "types", attributes: { role: "group", "aria-label": "Types of heads" } }, [
    make("span", { className: "hint", text: "What they attend to most:" }),
    ...order.map(button),
  ]);
};

const draw = ({ layers, heads, picture, types }) => {
  const names = [...Array(heads).keys()].map((head) => head + 1).concat("mean");
  const rows = [...Array(layers).keys()].map((layer) => [
    make("span", { className: "axis", text: layer + 1 }),
    ...names.map((head, column) => tile(layer + 1, head, layers, names.length, types[layer][column])),
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
    hint("Rows are layers, columns are heads. Choose one to see it large."),
    box,
    legend(types),
    make("button", { className: "plain-button leave", attributes: { type: "button" } }),
  );
  grid = { buttons: [...box.querySelectorAll(".tile")], columns: names.length, current: 0, leave: root.querySelector(".leave") };
};

const numbersOf = ({ dataset: { layer, head } }) => ({ layer: Number(layer), head: head === "mean" ? head : Number(head) });
const chooseTile = (button) => {
  const chosen = numbersOf(button);
  mark([chosen.layer, chosen.head]);
  trigger("choose", chosen);
};
root.addEventListener("click", (event) => {
  const button = event.target.closest(".tile");
  if (button) chooseTile(button);
  const type = event.target.closest(".type")?.dataset.type;
  if (type !== undefined) pick(type === picked ? "" : type);
  if (!event.target.closest(".leave")) return;
  const current = grid.buttons[grid.current];
  trigger("ablate", { ...numbersOf(current), without: toggled(props.without, behind(current)) });
});
root.addEventListener("keydown", (event) => {
  const index = grid ? grid.buttons.indexOf(event.target) : -1;
  const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: grid?.columns, ArrowUp: -grid?.columns }[event.key];
  if (index < 0 || !step || index + step < 0 || index + step >= grid.buttons.length) return;
  event.preventDefault();
  rove(grid.buttons, index, step);
});

show((value) => {
  if (!value.layers) {
    grid = null;
    return root.replaceChildren();
  }
  const held = grid && [...grid.buttons, grid.leave].indexOf(document.activeElement);
  draw(value);
  mark(props.chosen);
  pick(picked);
  if (held >= 0) [...grid.buttons, grid.leave][held]?.focus();
});
watch("chosen", () => mark(props.chosen));
watch("without", markOut);
