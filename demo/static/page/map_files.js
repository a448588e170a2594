// A map as a file, as `explorer/drawing.py` keeps it: its numbers as CSV and NPZ, a picture as SVG and
// PNG. `data` is what the widget of the maps shows, `state` what of it is shown.
import { inkOf, scaleTop, viewOf } from "../../explorer/web/maps/maths.js";
import { openMaps } from "../../explorer/web/maps/source.js";
import { nameOfMap } from "../../explorer/web/maps/wording.js";
import { labelOf } from "../model/tokens.js";

const encoder = new TextEncoder();
const labelsOf = ({ whole, indexes }) => indexes.map((place) => labelOf(whole[place]));
const partOf = (name, choice) => (typeof choice === "number" ? `${name}${choice}` : choice);

// The map that a state means, with the names of its sides.
const mapOf = async (data, state) => {
  const attention = (await openMaps(data))[state.looks_at];
  const view = viewOf(...attention.chosen(state));
  const [layer, head] = [typeof state.layer === "number" ? partOf("layer", state.layer) : `layers-${state.layer}`, partOf("head", state.head)];
  const file = `${attention.kind.toLowerCase() || "attention"}-${layer}-${head}${state.by_norms ? "-norms" : ""}`;
  return { view, rows: labelsOf(view.queries), columns: labelsOf(view.keys), name: nameOfMap(state, attention), file, state, ofOneText: attention.ofOneText };
};

// ---- CSV

// A spreadsheet takes a text that begins like one for a formula, and runs it.
const noFormula = (text) => (/^ *[=+\-@\t\r\n]/.test(text) ? `'${text}` : text);
const quoted = (text) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
const csvOf = ({ view, rows, columns }) => {
  const names = (texts) => texts.map((text) => quoted(noFormula(text)));
  const lines = names(rows).map((name, row) => [name, ...view.weights.subarray(row * columns.length, (row + 1) * columns.length)]);
  return encoder.encode(`\ufeff${[["", ...names(columns)], ...lines].map((line) => `${line.join(",")}\r\n`).join("")}`);
};

// ---- NPZ: a zip of numpy's arrays, not deflated.

const joined = (parts) => {
  const whole = new Uint8Array(parts.reduce((size, { length }) => size + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
};
const little = (...fields) => joined(fields.map(([value, size]) => Uint8Array.from({ length: size }, (_, byte) => (value >>> (8 * byte)) & 255)));
const npyOf = (type, shape, bytes) => {
  const about = `{'descr': '${type}', 'fortran_order': False, 'shape': (${shape.join(", ")}${shape.length === 1 ? "," : ""}), }`;
  const header = encoder.encode(`${about.padEnd(64 * Math.ceil((about.length + 11) / 64) - 11)}\n`);
  return joined([Uint8Array.of(0x93, ...encoder.encode("NUMPY"), 1, 0), little([header.length, 2]), header, bytes]);
};
const numbers = (values, shape) => npyOf("<f4", shape, new Uint8Array(Float32Array.from(values).buffer));
const texts = (values, shape) => {
  const letters = values.map((text) => [...text].map((one) => one.codePointAt(0)));
  const most = Math.max(1, ...letters.map(({ length }) => length));
  const codes = letters.flatMap((one) => [...one, ...Array(most - one.length).fill(0)]);
  return npyOf(`<U${most}`, shape, new Uint8Array(Uint32Array.from(codes).buffer));
};
const choiceOf = (value) => (typeof value === "number" ? npyOf("<i8", [], new Uint8Array(BigInt64Array.of(BigInt(value)).buffer)) : texts([value], []));
const flag = (value) => npyOf("|b1", [], Uint8Array.of(value ? 1 : 0));

const CRC = Uint32Array.from({ length: 256 }, (_, byte) => {
  let rest = byte;
  for (let bit = 0; bit < 8; bit++) rest = rest & 1 ? (rest >>> 1) ^ 0xedb88320 : rest >>> 1;
  return rest;
});
const crcOf = (bytes) => ~bytes.reduce((rest, byte) => CRC[(rest ^ byte) & 255] ^ (rest >>> 8), -1) >>> 0;
const FIRST_DAY = 0x21; // of what a zip can date: the same map is the same file
const zipOf = (files) => {
  const [parts, entries] = [[], []];
  let at = 0;
  for (const [name, bytes] of files) {
    const about = joined([little([20, 2], [0, 2], [0, 2], [0, 2], [FIRST_DAY, 2], [crcOf(bytes), 4], [bytes.length, 4], [bytes.length, 4], [name.length, 2], [0, 2])]);
    const file = joined([little([0x04034b50, 4]), about, encoder.encode(name), bytes]);
    entries.push(joined([little([0x02014b50, 4], [20, 2]), about, little([0, 2], [0, 2], [0, 2], [0, 4], [at, 4]), encoder.encode(name)]));
    parts.push(file);
    at += file.length;
  }
  const directory = joined(entries);
  return joined([...parts, directory, little([0x06054b50, 4], [0, 2], [0, 2], [entries.length, 2], [entries.length, 2], [directory.length, 4], [at, 4], [0, 2])]);
};
const npzOf = ({ view, rows, columns, name, state }) => {
  const hides = [view.queries, view.keys].some(({ indexes, whole }) => indexes.length < whole.length);
  const arrays = {
    weights: numbers(view.weights, [rows.length, columns.length]), queries: texts(rows, [rows.length]), keys: texts(columns, [columns.length]),
    removed: numbers(view.removed, [rows.length]), layer: choiceOf(state.layer), head: choiceOf(state.head),
    words: flag(state.words), special_tokens: flag(!hides), by_norms: flag(state.by_norms), name: texts([name], []),
  };
  return zipOf(Object.entries(arrays).map(([array, bytes]) => [`${array}.npy`, bytes]));
};

// ---- SVG and PNG

const INK = [[248, 249, 255], [88, 80, 236], [30, 27, 75]]; // none, half, full
const colourOf = (ink) => {
  const [half, share] = ink < 0.5 ? [0, 2 * ink] : [1, 2 * ink - 1];
  return `rgb(${INK[half].map((one, at) => Math.round(one + (INK[half + 1][at] - one) * share)).join(",")})`;
};
const escaped = (text) => text.replace(/[&<>"]/g, (one) => `&#${one.charCodeAt(0)};`).replace(/\p{Cc}/gu, " ");
const shortened = (text) => ([...text].length <= 14 ? text : `${[...text].slice(0, 13).join("")}…`);
const svgOf = ({ view, rows, columns, name, state, ofOneText }) => {
  const cell = Math.min(Math.max(640 / Math.max(columns.length, rows.length, 1), 5), 32);
  const [room, size, title] = [(labels) => 14 + 8 * Math.max(1, ...labels.map((label) => [...shortened(label)].length)), Math.min(13, Math.max(cell * 0.8, 9)), 34];
  const [left, top] = [room(rows), title + room(columns)];
  const step = Math.max(1, Math.ceil((size * 1.1) / cell));
  const [width, height] = [Math.ceil(Math.max(left + cell * columns.length + 10, 9 * name.length)), Math.ceil(top + cell * rows.length + 10)];
  const full = scaleTop(view.weights, columns.length, ofOneText);
  const cells = [...view.weights].map((weight, at) => {
    const [row, column] = [Math.floor(at / columns.length), at % columns.length];
    return `<rect x="${(left + column * cell).toFixed(2)}" y="${(top + row * cell).toFixed(2)}" width="${cell.toFixed(2)}" height="${cell.toFixed(2)}" fill="${colourOf(inkOf(Math.min(weight / full, 1), state.log_scale))}"/>`;
  });
  const named = (labels, draw) => labels.flatMap((label, place) => (place % step ? [] : [draw(escaped(shortened(label)), (place + 0.5) * cell)]));
  const ofRows = named(rows, (label, at) => `<text x="${left - 6}" y="${(top + at).toFixed(2)}" text-anchor="end" dominant-baseline="central">${label}</text>`);
  const ofColumns = named(columns, (label, at) => `<text transform="translate(${(left + at).toFixed(2)},${top - 6}) rotate(-90)" dominant-baseline="central">${label}</text>`);
  return encoder.encode(
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="system-ui,sans-serif" font-size="${size.toFixed(1)}" fill="#222">` +
      `<rect width="${width}" height="${height}" fill="#fff"/><text x="8" y="20" font-size="14" font-weight="600">${escaped(name)}</text><g shape-rendering="crispEdges">${cells.join("")}</g>${ofRows.join("")}${ofColumns.join("")}</svg>`,
  );
};
// In a browser alone: it draws the same picture.
const pngOf = async (map) => {
  const address = URL.createObjectURL(new Blob([svgOf(map)], { type: KINDS.svg[0] }));
  const image = new Image();
  image.src = address;
  await image.decode();
  URL.revokeObjectURL(address);
  const canvas = Object.assign(document.createElement("canvas"), { width: 2 * image.width, height: 2 * image.height });
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  const blob = await new Promise((resolve) => canvas.toBlob(resolve));
  return new Uint8Array(await blob.arrayBuffer());
};

export const KINDS = { png: ["image/png", pngOf], svg: ["image/svg+xml", svgOf], csv: ["text/csv", csvOf], npz: ["application/octet-stream", npzOf] };

// A file: { name, type, bytes }.
export const keptMap = async (data, state, kind) => {
  const map = await mapOf(data, state);
  const [type, write] = KINDS[kind];
  return { name: `${map.file}.${kind}`, type, bytes: await write(map) };
};
