// Paints maps. Colours come from the style sheet: one hue that only darkens (on dark paper,
// lightens), so that it can be read without colour vision. Sizes are in pixels of the page.
import { DECADES, TILE, inkOf } from "./maths.js";

const STEPS = 1024;

const channels = (colour) => [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));

// The style sheet's colours around an element: { paper, text, line, edge, ink }, ink as a table of
// RGB from none to all of it.
export const coloursOf = (element) => {
  const style = getComputedStyle(element);
  const named = (name) => style.getPropertyValue(`--map-${name}`).trim();
  const stops = named("ink").split(/\s+/).map(channels);
  const ink = new Uint8ClampedArray(3 * STEPS);
  for (let step = 0; step < STEPS; step++) {
    const at = (step / (STEPS - 1)) * (stops.length - 1);
    const from = Math.min(Math.floor(at), stops.length - 2);
    for (let one = 0; one < 3; one++) ink[3 * step + one] = stops[from][one] + (stops[from + 1][one] - stops[from][one]) * (at - from);
  }
  return { paper: named("paper"), text: named("text"), line: named("line"), edge: named("edge"), ink };
};

// Which step of the ink each root of a share has: looked up, since logarithms are slow.
const stepsOf = (log_scale) => Uint16Array.from({ length: STEPS }, (_, root) => Math.round((STEPS - 1) * inkOf((root / (STEPS - 1)) ** 2, log_scale)));

const imageOf = (roots, columns, rows, ink, steps) => {
  const image = new ImageData(columns, rows);
  for (let at = 0; at < roots.length; at++) {
    const step = 3 * steps[roots[at]];
    image.data[4 * at] = ink[step];
    image.data[4 * at + 1] = ink[step + 1];
    image.data[4 * at + 2] = ink[step + 2];
    image.data[4 * at + 3] = 255;
  }
  return image;
};

export const paintTiles = (canvases, tiles, { ink }, log_scale) => {
  const steps = stepsOf(log_scale);
  canvases.forEach((canvas, index) => {
    if (!tiles[index]) return;
    const roots = Uint16Array.from(tiles[index], (one) => Math.round((one / 255) * (STEPS - 1)));
    canvas.getContext("2d").putImageData(imageOf(roots, TILE, TILE, ink, steps), 0, 0);
  });
};

export const LONGEST = 14;
const FONT = 13;
const CELL = { most: 40, side: 620 };
const shortened = (text) => (text.length <= LONGEST ? text : `${text.slice(0, LONGEST - 1)}…`);
const fontOf = (size, bold = false) => `${bold ? "600 " : ""}${size}px system-ui, sans-serif`;

const labelsOf = ({ whole, indexes }) => indexes.map((place) => shortened(`${whole[place].continues ? "##" : ""}${whole[place].text}`));

// Where things lie in a map that has a width: { left, top, cell, width, height, rows, columns }, and
// for each side the size of its letters and every how-manieth it names.
export const layOut = (view, width, pen) => {
  const [rows, columns] = [labelsOf(view.queries), labelsOf(view.keys)];
  pen.font = fontOf(FONT);
  // Of those with most letters: measuring hundreds takes longer than painting the map.
  const candidates = (labels) => labels.toSorted((a, b) => b.length - a.length).slice(0, 12);
  const longest = (labels) => Math.ceil(Math.max(8, ...candidates(labels).map((label) => pen.measureText(label).width))) + 8;
  const left = Math.min(longest(rows), Math.floor(width * 0.34));
  const top = longest(columns);
  const room = width - left - 2;
  const cell = Math.min(CELL.most, room / Math.max(columns.length, 1), Math.max(CELL.side, room) / Math.max(rows.length, 1));
  const size = Math.max(Math.min(FONT, cell * 0.86), 10);
  const step = Math.max(1, Math.ceil((size * 1.12) / cell));
  return { left, top, cell, size, step, rows, columns, width: left + cell * columns.length + 2, height: top + cell * rows.length + 2 };
};

// A cell under a point, or null beside the map.
export const cellAt = ({ left, top, cell, rows, columns }, x, y) => {
  const [row, column] = [Math.floor((y - top) / cell), Math.floor((x - left) / cell)];
  return row >= 0 && row < rows.length && column >= 0 && column < columns.length ? { row, column } : null;
};

// A canvas of such a size, fine enough for the screen and for its smallest cell.
export const sizeCanvas = (canvas, { width, height, cell }) => {
  const fine = Math.max(window.devicePixelRatio || 1, Math.min(1 / cell, 4));
  const [across, down] = [Math.round(width * fine), Math.round(height * fine)];
  if (canvas.width !== across || canvas.height !== down) Object.assign(canvas, { width: across, height: down });
  Object.assign(canvas.style, { width: `${width}px`, height: `${height}px` });
  const pen = canvas.getContext("2d");
  pen.setTransform(fine, 0, 0, fine, 0, 0);
  pen.clearRect(0, 0, width, height);
  return pen;
};

const writeRow = (pen, { left, top, cell, rows }, row) => {
  pen.textAlign = "right";
  pen.textBaseline = "middle";
  pen.fillText(rows[row], left - 5, top + cell * (row + 0.5), left - 6);
};
const writeColumn = (pen, { left, top, cell, columns }, column) => {
  pen.save();
  pen.translate(left + cell * (column + 0.5), top - 5);
  pen.rotate(-Math.PI / 2);
  pen.textAlign = "left";
  pen.textBaseline = "middle";
  pen.fillText(columns[column], 0, 0, top - 6);
  pen.restore();
};

const divide = (pen, { left, top, cell, rows, columns }, { queries, keys }) => {
  const borders = ({ whole, indexes }) => indexes.flatMap((place, at) => (at && whole[place].segment !== whole[indexes[at - 1]].segment ? [at] : []));
  pen.beginPath();
  for (const row of borders(queries)) pen.rect(left, top + cell * row, cell * columns.length, 0);
  for (const column of borders(keys)) pen.rect(left + cell * column, top, 0, cell * rows.length);
  pen.stroke();
};

// The map itself, with the names of its sides and a line between two texts.
export const paintMap = (canvas, view, place, colours, top, log_scale) => {
  const pen = sizeCanvas(canvas, place);
  const { left, cell, size, step, rows, columns } = place;
  if (view.weights.length) {
    const factor = 1 / top;
    const roots = new Uint16Array(view.weights.length);
    for (let at = 0; at < roots.length; at++) roots[at] = Math.round((STEPS - 1) * Math.sqrt(Math.min(view.weights[at] * factor, 1)));
    const small = new OffscreenCanvas(columns.length, rows.length);
    small.getContext("2d").putImageData(imageOf(roots, columns.length, rows.length, colours.ink, stepsOf(log_scale)), 0, 0);
    pen.imageSmoothingEnabled = false;
    pen.drawImage(small, left, place.top, cell * columns.length, cell * rows.length);
  }
  pen.fillStyle = colours.text;
  pen.font = fontOf(size);
  for (let row = 0; row < rows.length; row += step) writeRow(pen, place, row);
  for (let column = 0; column < columns.length; column += step) writeColumn(pen, place, column);
  pen.strokeStyle = colours.line;
  pen.strokeRect(left - 0.5, place.top - 0.5, cell * columns.length + 1, cell * rows.length + 1);
  divide(pen, place, view);
};

// What lies over it: the chosen row or column, and a cell with the names of its row and column.
export const paintMarks = (canvas, place, colours, { row = null, column = null, at = null }) => {
  const pen = sizeCanvas(canvas, place);
  const { left, top, cell, size, rows, columns } = place;
  const [across, down] = [cell * columns.length, cell * rows.length];
  pen.strokeStyle = colours.edge;
  pen.lineWidth = 2;
  if (row !== null) pen.strokeRect(left, top + cell * row, across, cell);
  if (column !== null) pen.strokeRect(left + cell * column, top, cell, down);
  if (!at) return;
  pen.globalAlpha = 0.16;
  pen.fillStyle = colours.edge;
  pen.fillRect(left, top + cell * at.row, across, cell);
  pen.fillRect(left + cell * at.column, top, cell, down);
  pen.globalAlpha = 1;
  pen.strokeRect(left + cell * at.column, top + cell * at.row, cell, cell);
  writeOver(pen, place, colours, fontOf(Math.max(size, 11), true), at);
};

const writeOver = (pen, place, colours, font, { row, column }) => {
  const { left, top, cell } = place;
  const [y, x] = [top + cell * (row + 0.5), left + cell * (column + 0.5)];
  pen.font = font;
  pen.fillStyle = colours.paper;
  pen.fillRect(0, y - 8, left - 1, 16);
  pen.fillRect(x - 8, 0, 16, top - 1);
  pen.fillStyle = colours.edge;
  writeRow(pen, place, row);
  writeColumn(pen, place, column);
};

// The weights that stand along the scale of a map, from none to full ink.
export const scaleMarks = (top, most, log_scale) => {
  const shares = log_scale ? [...Array(DECADES + 1).keys()].map((step) => 10 ** (step - DECADES)) : [0, 0.25, 0.5, 0.75, 1].map((part) => part ** 2);
  return shares.map((share) => {
    const weight = 100 * share * top;
    const text = weight === 0 ? "0%" : `${weight >= 9.95 ? weight.toFixed(0) : weight >= 0.95 ? weight.toFixed(1) : weight.toPrecision(1)}%`;
    return `${log_scale && share < 1e-3 ? "≤ " : share === 1 && top < most ? "≥ " : ""}${text}`;
  });
};
