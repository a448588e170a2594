// The large map: two canvases, the map and the marks over it, so that a hover never paints cells; a
// scale; a line that says what is under the pointer; and the strongest pairs as a table.
import { cellAt, layOut, paintMap, paintMarks, scaleMarks } from "./canvas.js";
import { bdi, make, percent } from "./dom.js";
import { strongestPairs } from "./maths.js";
import { cellNames, describeCell, describeMap } from "./wording.js";

const PAIRS = 20;
const ARROWS = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] };
const KEYS = "Arrow keys move over the cells, Enter chooses the row or column, L and H go to the next layer and head, with Shift to the one before.";

const pairsTable = (view) => {
  const cell = (tag, children) => make(tag, tag === "th" ? { attributes: { scope: "col" } } : {}, children);
  const rows = strongestPairs(view, PAIRS).map(({ row, column, weight }) => {
    const [from, to] = cellNames(view, row, column);
    return make("tr", {}, [cell("td", [bdi(from)]), cell("td", [bdi(to)]), cell("td", [percent(weight)])]);
  });
  const head = make("tr", {}, ["From", "To", "Weight"].map((name) => cell("th", [name])));
  return make("table", { className: "effects" }, [make("thead", {}, [head]), make("tbody", {}, rows)]);
};

// choose(changes) is told what a reader does, step("layer" or "head", by) that they go on, say(text)
// what a reader of a screen should hear.
export const largeMap = ({ choose, step, say }) => {
  const title = make("h2");
  const [canvas, marks] = ["map", "marks"].map((className) => make("canvas", { className, attributes: { "aria-hidden": "true" } }));
  const tip = make("p", { className: "tip", attributes: { "aria-hidden": "true" } }, [bdi(""), " ", make("b")]);
  tip.hidden = true;
  const box = make("div", { className: "map-box", attributes: { role: "application", tabindex: "0" } }, [canvas, marks, tip]);
  const scale = make("div", { className: "scale", attributes: { "aria-hidden": "true" } });
  const line = make("p", { className: "cell-line hint" });
  const pairs = make("details", { className: "pairs" }, [make("summary", { text: "The strongest pairs as a table" })]);
  const table = make("div", { className: "scrolls", attributes: { tabindex: "0", role: "region", "aria-label": "Strongest pairs" } });
  pairs.append(table);
  const node = make("section", { className: "map-card" }, [title, box, scale, line, pairs]);
  let shown = null;
  let place = null;
  let colours = null;
  let cell = null;
  let frame = 0;

  const mark = () => {
    if (!place || !shown?.view) return;
    const { direction } = shown.state;
    const chosen = (direction === "from" ? shown.view.queries : shown.view.keys).indexes.indexOf(shown.place);
    paintMarks(marks, place, colours, { [direction === "from" ? "row" : "column"]: chosen < 0 ? null : chosen, at: cell });
    tip.hidden = !cell;
    line.textContent = cell ? describeCell(shown.view, cell.row, cell.column) : "Point at a cell, or walk over them with the arrow keys.";
    if (!cell) return;
    const [names, share] = tip.children;
    names.textContent = cellNames(shown.view, cell.row, cell.column).join(" → ");
    share.textContent = percent(shown.view.weights[cell.row * shown.view.columns + cell.column]);
    const [x, y] = [place.left + place.cell * (cell.column + 1), place.top + place.cell * (cell.row + 1)];
    // Its own width is 100% here: to ask for it would have the page laid out in every frame.
    tip.style.transform = `translate(max(0px, min(${x + 6}px, ${place.room}px - 100%)), ${y + 6}px)`;
  };
  const markSoon = () => (frame ||= requestAnimationFrame(() => ((frame = 0), mark())));
  const showPairs = () => pairs.open && shown?.view && table.replaceChildren(pairsTable(shown.view));

  const pointed = ({ clientX, clientY }) => {
    const { left, top } = canvas.getBoundingClientRect();
    return place && shown?.view ? cellAt(place, clientX - left, clientY - top) : null;
  };
  const chooseCell = ({ row, column }) => {
    const { queries, keys } = shown.view;
    const token = shown.state.direction === "from" ? queries.whole[queries.indexes[row]] : keys.whole[keys.indexes[column]];
    choose({ chosen: token.places[0] });
  };

  box.addEventListener("pointermove", (event) => {
    cell = pointed(event);
    markSoon();
  });
  box.addEventListener("pointerleave", () => {
    cell = null;
    markSoon();
  });
  box.addEventListener("click", (event) => {
    const at = pointed(event);
    if (at) chooseCell(at);
  });
  box.addEventListener("blur", () => {
    cell = null;
    markSoon();
  });
  box.addEventListener("keydown", (event) => {
    const { key } = event;
    if (!shown?.view || event.ctrlKey || event.metaKey || event.altKey) return;
    const letter = { l: "layer", h: "head" }[key.toLowerCase()];
    if (letter) step(letter, event.shiftKey ? -1 : 1);
    else if (ARROWS[key] && shown.view.weights.length) walk(ARROWS[key]);
    else if (key === "Enter" && cell) chooseCell(cell);
    else return;
    event.preventDefault();
  });
  const walk = ([down, right]) => {
    const { rows, columns, queries } = shown.view;
    const start = cell ?? { row: Math.max(queries.indexes.indexOf(shown.place), 0) - down, column: -right };
    const within = (value, count) => Math.min(Math.max(value, 0), count - 1);
    cell = { row: within(start.row + down, rows), column: within(start.column + right, columns) };
    mark();
    say(describeCell(shown.view, cell.row, cell.column));
  };
  pairs.addEventListener("toggle", showPairs);

  const drawScale = () => {
    const texts = scaleMarks(shown.top, shown.most, shown.state.log_scale).map((text) => make("span", { text }));
    scale.replaceChildren(make("div", { className: "ramp" }), make("div", { className: "scale-marks" }, texts));
  };

  // Another map, or another width, or other colours.
  const draw = (now, used) => {
    [shown, colours] = [now, used];
    node.classList.toggle("waiting", !shown.view);
    title.textContent = shown.name;
    if (!shown.view) line.textContent = `${shown.name} is on its way.`;
    if (!shown.view || !box.clientWidth) return;
    if (cell && (cell.row >= shown.view.rows || cell.column >= shown.view.columns)) cell = null;
    place = { ...layOut(shown.view, box.clientWidth, canvas.getContext("2d")), room: box.clientWidth };
    Object.assign(box.dataset, { left: place.left, top: place.top, cell: place.cell }); // for who points at a cell
    paintMap(canvas, shown.view, place, colours, shown.top, shown.state.log_scale);
    drawScale();
    mark();
    showPairs();
    box.setAttribute("aria-label", `${describeMap(shown.view, shown.name, shown.attention)} ${KEYS}`);
  };
  // Another token is chosen.
  const update = (now) => {
    shown = now;
    mark();
  };
  return { node, draw, update, box };
};
