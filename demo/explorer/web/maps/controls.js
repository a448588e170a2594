// What chooses a map, and what is said of it.
import { make } from "./dom.js";
import { range } from "./maths.js";
import { NO_NORMS } from "./wording.js";

const SWITCHES = {
  words: "Whole words",
  special_tokens: "Show special tokens",
  by_norms: "Weight by value norms",
  log_scale: "Log scale",
};
const JOINED = { mean: "mean", max: "max" };

const numberOf = (value) => (JOINED[value] ? value : Number(value));

const selectFor = (name, label, choose) => {
  const select = make("select", { className: name, attributes: { "aria-label": label } });
  select.addEventListener("change", () => choose({ [name]: numberOf(select.value) }));
  return { select, node: make("label", { className: "choice" }, [make("span", { text: label }), select]) };
};
const offer = (select, choices) => {
  const there = Array.from(select.options, ({ value }) => value);
  if (there.join() !== choices.join()) select.replaceChildren(...choices.map((value) => make("option", { text: value, attributes: { value } })));
};

const switchFor = (name, choose) => {
  const box = make("input", { className: name, attributes: { type: "checkbox" } });
  box.addEventListener("change", () => choose({ [name]: box.checked }));
  return { box, node: make("label", { className: "switch" }, [box, make("span", { text: SWITCHES[name] })]) };
};

// Which attention is shown, where a model has several.
const attentionChoice = (choose) => {
  const node = make("fieldset", { className: "attentions" });
  const group = `attention-${Math.random().toString(36).slice(2)}`; // radios of one page's widgets are apart
  const offerThem = (attentions) => {
    if (node.children.length === attentions.length + 1) return;
    const options = attentions.map(({ looks_at, label }) => {
      const box = make("input", { attributes: { type: "radio", name: group, value: looks_at } });
      box.addEventListener("change", () => choose({ looks_at, by_norms: false, chosen: null }));
      return make("label", { className: "switch" }, [box, make("span", { text: label })]);
    });
    node.replaceChildren(make("legend", { text: "Who attends to what" }), ...options);
  };
  return { node, offer: offerThem };
};

export const mapControls = ({ choose }) => {
  const attentions = attentionChoice(choose);
  const [layer, head] = [selectFor("layer", "Layer", choose), selectFor("head", "Head", choose)];
  const switches = Object.keys(SWITCHES).map((name) => [name, switchFor(name, choose)]);
  const node = make("div", { className: "map-controls" }, [
    attentions.node,
    make("div", { className: "choices" }, [layer.node, head.node]),
    make("div", { className: "switches" }, switches.map(([, { node: one }]) => one)),
  ]);

  const update = ({ data, state, attention }) => {
    attentions.node.hidden = data.attentions.length < 2;
    attentions.offer(data.attentions);
    attentions.node.querySelectorAll("input").forEach((box) => (box.checked = box.value === state.looks_at));
    offer(layer.select, [...(attention.all_layers ? Object.keys(JOINED) : []), ...attention.layers]);
    offer(head.select, [...Object.keys(JOINED), ...range(attention.heads).map((at) => at + 1)]);
    layer.select.value = state.layer;
    head.select.value = state.head;
    for (const [name, { box, node: label }] of switches) {
      box.checked = state[name];
      box.disabled = name === "by_norms" && !attention.has_norms;
      label.title = box.disabled ? NO_NORMS : "";
    }
  };
  return { node, update };
};

// Notes: strings, and objects whose `text` stands out, or leads to `href`.
export const notePart = (note) => {
  if (typeof note === "string") return note;
  if (!note.href) return make("strong", { text: note.text });
  return make("a", { text: note.text, attributes: { href: note.href, target: "_blank", rel: "noopener noreferrer" } });
};
export const noteLine = (className, notes) => make("p", { className }, notes.flatMap((note) => [notePart(note), " "]));

// Buttons that keep what is shown as files; keep(kind) is told which. `page`: the text can be kept as a
// page as well.
export const keepButtons = (keep, page) => {
  const button = (kind, name, text = name) => {
    const node = make("button", { className: `plain-button ${kind}`, text, attributes: { type: "button", "aria-label": name } });
    node.addEventListener("click", () => keep(kind));
    return node;
  };
  const files = ["png", "svg", "csv", "npz"].map((kind) => button(kind, `Download ${kind.toUpperCase()}`, kind.toUpperCase()));
  const attributes = { role: "group", "aria-label": "Keep this map" };
  return make("div", { className: "keep", attributes }, [make("span", { className: "hint", text: "Keep this map:" }), ...files, ...(page ? [button("page", "Keep this text as a page")] : [])]);
};
