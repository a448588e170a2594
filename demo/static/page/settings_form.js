// How a text is written: the controls of decoding, as `explorer/ui/panels/decoding.py` has them.
import { FIRST, PARTS, chosenSettings } from "../model/choosing.js";
import { byId } from "./host.js";
import { SETTINGS } from "./wording.js";
const { make } = window.attentionMaps;

const LABELS = Object.fromEntries(Object.entries(SETTINGS).map(([name, { label }]) => [name, label]));
const WITH_DECIMALS = ["temperature", "top_p", "repetition_penalty"];

const field = (name, control) => {
  const { label, info = "" } = SETTINGS[name];
  return make("label", { className: "option" }, [make("span", { text: label }), make("span", { className: "hint", text: info }), control]);
};

// Lays the controls out; gives `get`, the settings of the chosen way or a sentence that is thrown, and `set`.
export const settingsForm = () => {
  const strategy = make("select", { attributes: { id: "strategy" } }, SETTINGS.strategy.choices.map(([value, text]) => make("option", { text, attributes: { value } })));
  const inputs = {};
  const rows = Object.entries(PARTS).map(([part, names]) => {
    const fields = names.map((name) => {
      inputs[name] = make("input", { attributes: { type: "number", step: WITH_DECIMALS.includes(name) ? "0.05" : "1", id: `set_${name}` } });
      return field(name, inputs[name]);
    });
    return [part, make("div", { className: "panel-options" }, fields)];
  });
  const { sample, beam, always } = Object.fromEntries(rows);
  const show = () => {
    sample.hidden = strategy.value !== "sample";
    beam.hidden = strategy.value !== "beam";
  };
  const set = (settings) => {
    strategy.value = settings.strategy;
    for (const [name, input] of Object.entries(inputs)) input.value = settings[name];
    show();
  };
  const get = () => {
    const numbers = Object.entries(inputs).map(([name, input]) => [name, input.value === "" ? null : Number(input.value)]);
    return chosenSettings({ strategy: strategy.value, ...Object.fromEntries(numbers) }, LABELS);
  };
  strategy.addEventListener("change", show);
  byId("settings").append(field("strategy", strategy), sample, beam, make("details", {}, [make("summary", { text: "Length and repetition" }), always]));
  set(FIRST);
  return { get, set };
};
