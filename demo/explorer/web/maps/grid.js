// All heads at once: a grid of buttons, each with its map in small; their types; and the head that
// may be ablated.
import { paintTiles } from "./canvas.js";
import { bdi, hint, make, rove } from "./dom.js";
import { TILE, range } from "./maths.js";
import { has, layerOf, one, toggled } from "./state.js";
import { inShort } from "./wording.js";

const tileButton = (layer, head) =>
  make("button", { className: head === "mean" ? "tile mean" : "tile", attributes: { type: "button", "data-layer": layer, "data-head": head } }, [
    make("canvas", { attributes: { width: TILE, height: TILE, "aria-hidden": "true" } }),
  ]);

const titleOf = ({ dataset: { layer, head } }, type) => `Layer ${layer}, ${head === "mean" ? "mean over heads" : `head ${head}`}${type ? `: ${inShort(type)}` : ""}`;

const layOutGrid = (layers, heads) => {
  const names = [...range(heads).map((head) => head + 1), "mean"];
  const axis = (text) => make("span", { className: `axis ${text === "mean" ? text : ""}`.trim(), text });
  const rows = layers.flatMap((layer) => [axis(layer), ...names.map((head) => tileButton(layer, head))]);
  const attributes = { role: "group", "aria-label": `Attention of ${layers.length} layers and ${heads} heads` };
  return make("div", { className: names.length > 9 ? "heads many" : "heads", attributes, style: { "--columns": names.length } }, [axis(""), ...names.map(axis), ...rows]);
};

const legendOf = (types) => {
  const counts = new Map();
  for (const { name } of types.flat()) counts.set(name, (counts.get(name) ?? 0) + 1);
  const last = (name) => ["focused", "broad", "mixed"].indexOf(name);
  const order = [...counts].sort((a, b) => last(a[0]) - last(b[0]) || b[1] - a[1]);
  const button = ([name, count]) => make("button", { className: "type", attributes: { type: "button", "data-type": name } }, [bdi(name), " ", make("b", { text: count })]);
  return [make("span", { className: "hint", text: "What they attend to most:" }), ...order.map(button)];
};

// choose({ layer, head }) and ablate({ without }) are told what a reader does.
export const headsGrid = ({ choose, ablate }) => {
  const box = make("div");
  const types = make("div", { className: "types", attributes: { role: "group", "aria-label": "Types of heads" } });
  const leave = make("button", { className: "plain-button leave", attributes: { type: "button" } });
  const node = make("section", { className: "heads-card" }, [make("h2", { text: "Every head at once" }), hint("Rows are layers, columns are heads. Choose one to see it large."), box, types, leave]);
  let buttons = [];
  let shown = null;
  let sizes = "";
  let picked = "";

  const behind = ({ dataset: { layer, head } }) => (head === "mean" ? layerOf(Number(layer), shown.attention.heads) : [[Number(layer), Number(head)]]);
  const areOut = (pairs) => Boolean(shown.data.without) && pairs.every((pair) => has(shown.data.without, pair));
  const typeOf = ({ dataset: { layer, head } }) => shown.types?.[shown.attention.layers.indexOf(Number(layer))]?.[head - 1];

  const mark = () => {
    const { layer, head } = shown.state;
    const chosen = buttons.find(({ dataset }) => dataset.layer === String(layer) && dataset.head === String(head));
    buttons.forEach((button) => {
      button.setAttribute("aria-pressed", button === chosen);
      button.tabIndex = button === (chosen ?? buttons[0]) ? 0 : -1; // a map that joins layers has no tile
      const type = typeOf(button);
      const out = areOut(behind(button));
      button.title = titleOf(button, type);
      button.dataset.type = type?.name ?? "";
      button.classList.toggle("out", out);
      button.setAttribute("aria-label", `${button.title}${out ? ", ablated" : ""}`);
    });
    leave.hidden = !chosen || !shown.data.without || !ablate;
    if (leave.hidden) return;
    const who = head === "mean" ? `all heads of layer ${layer}` : one([layer, head]);
    leave.textContent = `${areOut(behind(chosen)) ? "Put back" : "Ablate"} ${who}`;
  };

  // A type that is chosen stands out among the tiles.
  const pick = (name) => {
    picked = name;
    buttons.forEach((button) => button.classList.toggle("aside", Boolean(picked) && button.dataset.type !== picked));
    types.querySelectorAll(".type").forEach((button) => button.setAttribute("aria-pressed", button.dataset.type === picked));
  };

  const update = (now) => {
    shown = now;
    const { layers, heads } = shown.attention;
    if (sizes !== `${layers} ${heads}`) {
      sizes = `${layers} ${heads}`;
      box.replaceChildren(layOutGrid(layers, heads));
      buttons = [...box.querySelectorAll(".tile")];
    }
    mark();
  };

  // New pictures, new types, or new colours.
  const paint = (now, colours) => {
    update(now);
    if (shown.tiles) paintTiles(buttons.map((button) => button.firstChild), shown.tiles, colours, shown.state.log_scale);
    types.replaceChildren(...(shown.types?.length ? legendOf(shown.types) : []));
    pick(shown.types?.flat().some(({ name }) => name === picked) ? picked : "");
  };

  node.addEventListener("click", (event) => {
    const button = event.target.closest(".tile");
    if (button) choose({ layer: Number(button.dataset.layer), head: button.dataset.head === "mean" ? "mean" : Number(button.dataset.head) });
    const type = event.target.closest(".type")?.dataset.type;
    if (type !== undefined) pick(type === picked ? "" : type);
    if (!event.target.closest(".leave")) return;
    const current = buttons.find((each) => each.getAttribute("aria-pressed") === "true");
    ablate({ without: toggled(shown.data.without, behind(current)) });
  });
  node.addEventListener("keydown", (event) => {
    const index = buttons.indexOf(event.target);
    const columns = (shown?.attention.heads ?? 0) + 1;
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns }[event.key];
    if (index < 0 || !step || index + step < 0 || index + step >= buttons.length) return;
    event.preventDefault();
    rove(buttons, index, step);
  });
  return { node, update, paint };
};
