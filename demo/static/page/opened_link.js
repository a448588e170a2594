// What a link says that was opened, by the rules of `explorer/ui/sharing/link.py`, so that a link of
// the served page opens here and the other way round. Whoever opens one did not write it: nothing in
// it is trusted.
import { BOUNDS, checkedSettings } from "../model/choosing.js";
import { checkedTexts } from "./checks.js";

export const MOST_CHARACTERS = 2000; // chats and servers cut longer addresses
// The parts of each tab that a link may name; of some of the served page's this one shows the maps.
export const VIEWS = { classify: ["maps", "mattered", "which_heads", "compare"], write: ["write_maps", "source", "write_which_heads"] };
const JOINED = ["mean", "max"];
const SWITCHES = ["words", "special_tokens", "by_norms", "log_scale"];
const SETTINGS = ["strategy", ...Object.keys(BOUNDS)];
const KNOWN = ["text", "text_pair", "model", "tab", "view", "without", "layer", "head", ...SWITCHES, "looks_at", "direction", "chosen", "place", ...SETTINGS];

// As a form writes it. A % that begins no byte stands for itself.
const decoded = (text) => {
  const bytes = (found) => new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Uint8Array.from(found.split("%").slice(1), (byte) => parseInt(byte, 16)));
  return text.replaceAll("+", " ").replace(/(?:%[0-9a-f]{2})+/gi, bytes);
};
const pairOf = (part) => {
  const at = part.indexOf("=");
  if (at < 0) throw new Error("no value");
  return [decoded(part.slice(0, at)), decoded(part.slice(at + 1))];
};
// Its parts by their names, each at most once.
const fieldsOf = (fragment) => {
  if ([...fragment].length > MOST_CHARACTERS) throw new Error(`The link has more than ${MOST_CHARACTERS.toLocaleString("en")} characters; expected one that this page made, which has no more.`);
  let pairs;
  try {
    pairs = fragment ? fragment.split("&").map(pairOf) : [];
  } catch {
    throw new Error(`The link begins “${fragment.slice(0, 40)}”, and holds what is no name with a value; expected text=…&model=…, as this page writes it.`);
  }
  const given = Object.create(null);
  for (const [name, value] of pairs) {
    if (!KNOWN.includes(name)) throw new Error(`There is no “${name.slice(0, 30)}” in a link; it has ${KNOWN.join(", ")}.`);
    if (name in given) throw new Error(`The link says ${name} twice; expected it once.`);
    given[name] = value;
  }
  return given;
};

const choice = (given, name, known) => {
  const value = given[name] ?? known[0];
  if (!known.includes(value)) throw new Error(`${name} is “${value.slice(0, 30)}” in this link; expected ${known.join(" or ")}.`);
  return value;
};
const number = (text) => (/^[0-9]{1,9}$/.test(text) ? Number(text) : text);
const wholeNumber = (given, name, expected) => {
  if (!(name in given)) return null;
  const value = number(given[name]);
  if (typeof value === "string") throw new Error(`${name} is “${value.slice(0, 30)}” in this link; expected ${expected}.`);
  return value;
};
// A layer or a head, from 1, or several together.
const counted = (given, name, known) => {
  const value = number(given[name]);
  if (!known.includes(value)) throw new Error(`There is no ${name} ${String(value).slice(0, 30)} to show; expected one of ${known.join(", ")}.`);
  return value;
};

const headsOf = (text, { layers, heads }, canAblate) => {
  if (!text) return [];
  if (!canAblate) throw new Error("The link ablates heads, and this model's graph has no input for that.");
  const pairs = text.split("-").map((pair) => pair.split(".").map(number));
  const wrong = pairs.find(([layer, head, ...more]) => more.length || !(layer >= 1 && layer <= layers && head >= 1 && head <= heads));
  if (wrong) throw new Error(`The link ablates ${wrong.join(".").slice(0, 30)}; expected a layer from 1 to ${layers} and a head from 1 to ${heads}, such as 1.2.`);
  if (pairs.length > layers * heads) throw new Error(`The link ablates ${pairs.length} heads; this model has ${layers * heads}.`);
  return [...new Set(pairs.map(([layer, head]) => (layer - 1) * heads + head - 1))].sort((a, b) => a - b).map((at) => [Math.floor(at / heads) + 1, (at % heads) + 1]);
};

const stateOf = (given, shown, writes) => {
  const state = {};
  if ("layer" in given) state.layer = counted(given, "layer", [...shown.map_layers.map((layer) => layer + 1), ...(shown.map_layers.length === shown.layers ? JOINED : [])]);
  if ("head" in given) state.head = counted(given, "head", [...Array.from({ length: shown.heads }, (_, head) => head + 1), ...JOINED]);
  for (const name of SWITCHES) if (name in given) state[name] = choice(given, name, ["true", "false"]) === "true";
  if ("looks_at" in given) state.looks_at = choice(given, "looks_at", writes ? ["source", "written", "self"] : ["self"]);
  if (state.by_norms && state.looks_at === "written") throw new Error("The decoder's graph gives no norms for its self-attention; choose the source (cross-attention).");
  if ("direction" in given) state.direction = choice(given, "direction", ["from", "to"]);
  const chosen = wholeNumber(given, "chosen", "a token's place, from 0");
  return chosen === null ? state : { ...state, chosen };
};

const settingsOf = (given, writes) => {
  const said = SETTINGS.filter((name) => name in given);
  if (said.length && !writes) throw new Error(`The link says ${said[0]}, which is a setting of a text that is written; expected it with tab=write.`);
  const decimal = (text) => (/^[0-9]{1,10}(\.[0-9]{1,20})?$/.test(text) ? Number(text) : text || "empty");
  const settings = Object.fromEntries(said.map((name) => [name, name === "strategy" ? given[name] : decimal(given[name])]));
  checkedSettings(settings);
  return settings;
};

// `fragment` is what stands behind the # of the address; `views` are the parts of each tab by name.
// `bundle` is bundle.json, with `map_layers`, those that have maps, from 0.
export const readLink = (fragment, { bundle, views, canAblate }) => {
  const given = fieldsOf(fragment);
  const tab = choice(given, "tab", Object.keys(views));
  if (!("model" in given)) throw new Error(`The link names no model; expected model=… with ${bundle.title}.`);
  if (given.model !== bundle.title) throw new Error(`This link is of the model “${given.model.slice(0, 60)}”; this page has “${bundle.title}”.`);
  const writes = tab === "write";
  const [text, text_pair] = checkedTexts(given.text ?? "", given.text_pair ?? "");
  const { sizes, map_layers, decoder } = bundle;
  const ofDecoder = writes && given.looks_at !== "self"; // else of the encoder, whose maps are of the source
  const shown = ofDecoder ? { ...decoder, map_layers: [...Array(decoder.layers).keys()] } : { ...sizes, map_layers };
  return {
    tab, view: choice(given, "view", views[tab]), text, text_pair,
    without: headsOf(given.without, sizes, canAblate),
    place: wholeNumber(given, "place", "the number of a word or mask, from 1"),
    state: stateOf(given, shown, writes),
    settings: settingsOf(given, writes),
  };
};
