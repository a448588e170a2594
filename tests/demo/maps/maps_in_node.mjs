// Reads maps and questions as JSON, and answers with the numbers that a page would show.
import { readFileSync } from "node:fs";
import { headType, measureOf } from "../../../demo/explorer/web/maps/head_types.js";
import * as maths from "../../../demo/explorer/web/maps/maths.js";
import { describeMap, mapNotes, nameOfMap } from "../../../demo/explorer/web/maps/wording.js";
import { has } from "../../../demo/explorer/web/maps/state.js";

const { maps: given, questions } = JSON.parse(readFileSync(0, "utf8"));
const { layers, heads, queries, keys, ofOneText, given: before } = given;
const [rows, columns] = [queries.length, keys.length];
const codes = given.packed && (await maths.inflated(given.packed));
const values = given.values && Float32Array.from(given.values);
const size = rows * columns;
const part = (all, layer, head) => all.subarray((layer * heads + head) * size, (layer * heads + head + 1) * size);
const maps = {
  layers, heads, rows, columns, ofOneText, given: before,
  norms: given.norms && Float32Array.from(given.norms),
  map: (layer, head) => (codes ? maths.decodedMap(part(codes, layer, head), columns) : part(values, layer, head)),
  kept: (layer, head) => !has(given.without, [layer + 1, head + 1]),
};

const answer = (question) => {
  const own = maths.axisOf(queries, question);
  const how = { queries: own, keys: ofOneText ? own : maths.axisOf(keys, question), by_norms: question.by_norms };
  const view = maths.viewOf(maps, how, question.layer, question.head);
  const measure = measureOf(maps, how);
  const people = (place) => (typeof place === "number" ? place + 1 : place);
  const state = { ...question, layer: people(question.layer), head: people(question.head) };
  const attention = { kind: given.kind, looks_at: given.looks_at, ofOneText };
  const type = typeof question.layer === "number" && typeof question.head === "number" ? headType(maths.headMap(maps, how, question.layer, question.head), measure) : null;
  const name = nameOfMap(state, attention);
  return {
    weights: [...view.weights],
    removed: [...view.removed],
    names: how.queries.whole.map(({ text }) => text),
    numbers: how.queries.whole.map(({ number }) => number),
    indexes: how.queries.indexes,
    top: maths.scaleTop(view.weights, view.columns, ofOneText),
    pairs: maths.strongestPairs(view, 5),
    column: maths.lookOf(view, "to", how.keys.indexes[0]).shares,
    first: maths.firstToken(view),
    name,
    notes: mapNotes(view, state, attention, type),
    description: describeMap(view, name, attention),
    tiles: question.tiles ? maths.range(layers).map((layer) => maths.layerTiles(maps, how, layer).map((tile) => [...tile])) : null,
    types: question.types ? maths.range(layers).map((layer) => maths.range(heads).map((head) => headType(maths.headMap(maps, how, layer, head), measure))) : null,
    row: question.row ? maths.rowOf(question.row, how.keys) : null,
  };
};
process.stdout.write(JSON.stringify(questions.map(answer)));
