// The analyses beside a text's maps: each a panel with its options, its cost, a result that one of
// the page's own widgets draws, and buttons that start and stop it.
import { asking, compare, headEffects, occlusion, ownWords, textsWithin, withoutMostSeen } from "./analyses.js";
import { isNumber, largestPlace, probabilitiesOf } from "./answers.js";
import { byId, sentenceOf, widget } from "./host.js";
const { make } = window.attentionMaps;

const STOPPED = Symbol("stopped");

const chooser = (id, name, choices) => {
  const select = make("select", { attributes: { id } }, choices.map(([value, text]) => make("option", { text, attributes: { value } })));
  return { select, node: make("label", { className: "option" }, [make("span", { text: name }), select]) };
};

const hasContrasts = ({ problem_type, labels }) => !isNumber({ problem_type }) && labels.length > (problem_type === "multi_label" ? 1 : 2);

// The class that is asked about, and what it is set against.
const targetOptions = (bundle, name, { chooses }) => {
  const labels = bundle.labels.map((label, place) => [String(place), label]);
  const [label, other] = [chooser(`${name}_label`, "Class", labels), chooser(`${name}_rather_than`, "Rather than", [["", "all others"], ...labels])];
  other.node.hidden = !hasContrasts(bundle);
  let likeliest = 0;
  const refresh = (reading) => {
    likeliest = largestPlace(probabilitiesOf(reading.logits, bundle));
    label.select.value = String(likeliest);
    other.select.value = "";
  };
  const target = () => {
    const found = { label: chooses ? Number(label.select.value) : likeliest, other: other.select.value === "" ? null : Number(other.select.value) };
    if (found.label === found.other) throw new Error(`${bundle.labels[found.label]} is set against itself. Choose another class after “rather than”, or all others.`);
    return found;
  };
  return { nodes: [...(chooses ? [label.node] : []), other.node], refresh, target };
};

const seconds = (value) => (value < 1 ? "less than a second" : `about ${Math.round(value)} seconds`);

// A panel in a tab. `texts(reading)` says how many texts it will read, `run(reading, told)` does it.
const panel = (tab, { name, kind, said, nodes, texts, run, refresh = () => {}, events = {}, props = {}, pace }) => {
  const start = make("button", { className: "primary", text: said.button, attributes: { type: "button", id: `${name}_start` } });
  const stop = make("button", { className: "plain", text: "Stop", attributes: { type: "button", id: `${name}_stop`, disabled: "" } });
  const slots = ["cost", "result"].map((part) => make("div", { attributes: { id: `${name}_${part}` } }));
  byId(tab).append(make("div", { attributes: { id: `${name}_panel` } }, [make("div", { className: "look-for" }, [make("p", {}, sentenceOf(said.look_for))]), make("div", { className: "panel-options" }, [...nodes, start, stop]), ...slots]));
  const cost = widget("cost", { id: `${name}_cost` });
  const result = widget(kind, { id: `${name}_result`, props, events });
  let [reading, turn] = [null, 0];
  const tell = () => {
    const count = texts(reading);
    const time = count * reading.tokens.length * pace.seconds;
    cost.set({ value: { text: `${count} changed ${count === 1 ? "text" : "texts"} to read, ${seconds(time)}.` } });
  };
  const end = () => {
    turn += 1;
    stop.disabled = true;
  };
  const begin = async () => {
    if (!reading) return;
    end();
    const mine = turn;
    stop.disabled = false;
    cost.set({ value: { text: "Starting.", share: 0 } });
    const told = (done, of) => {
      if (mine !== turn) throw STOPPED;
      cost.set({ value: { text: `${done} of ${of} texts read.`, share: done / of } });
    };
    try {
      const found = await run(reading, told);
      if (mine !== turn) return;
      result.set({ value: found });
      tell();
      end();
    } catch (error) {
      if (error === STOPPED || mine !== turn) return;
      cost.set({ value: { error: error.message } });
      end();
    }
  };
  start.addEventListener("click", begin);
  stop.addEventListener("click", () => {
    end();
    tell();
  });
  // Another text; or the same with other heads ablated, whose results stay where they follow heads.
  const show = (next, { same }) => {
    end();
    reading = next;
    if (!same) refresh(next);
    if (!same || !("without" in props)) result.set({ value: {} });
    if ("without" in props) result.set({ without: next.without });
    tell();
  };
  return { show, begin };
};

// All panels of the Classify tab; gives what shows them a reading.
export const classifyPanels = ({ bundle, said, mask }, engine, ablate) => {
  const pace = { seconds: 0 };
  const ask = asking({ scores: engine.scores, sizes: bundle.sizes, pace });
  const room = ({ tokens }) => textsWithin(pace, tokens.length);
  const words = targetOptions(bundle, "occlusion", { chooses: true });
  const way = chooser("occlusion_way", "Words are", [["deleted", "deleted"], ...(mask === null ? [] : [["masked", "masked"]])]);
  const heads = targetOptions(bundle, "head_effects", { chooses: true });
  const sides = targetOptions(bundle, "compare", { chooses: false });
  const other = make("textarea", { attributes: { rows: "2", maxlength: "10000", id: "compare_text" } });
  const panels = [
    panel("mattered_tab", {
      name: "occlusion", kind: "occlusion", said: said.occlusion, nodes: [...words.nodes, way.node], refresh: words.refresh, pace,
      texts: (reading) => Math.min(ownWords(reading.tokens).length, room(reading)),
      run: (reading, told) => occlusion(ask, bundle, reading, words.target(), { way: way.select.value, mask, room: room(reading), told }),
    }),
    panel("compare_tab", {
      name: "compare", kind: "compare", said: said.compare, nodes: [make("label", { className: "option wide" }, [make("span", { text: "Compare with" }), other]), ...sides.nodes], pace,
      refresh: (reading) => {
        sides.refresh(reading);
        other.value = withoutMostSeen(reading);
      },
      texts: () => 1,
      run: async (reading) => compare(bundle, reading, await engine.read(other.value, reading.text_pair, reading.without), sides.target().other),
    }),
  ];
  if (engine.canAblate) {
    const events = { ablate: ({ without }) => ablate(without) };
    panels.push(
      panel("which_heads_tab", {
        name: "head_effects", kind: "head_effects", said: said.head_effects, nodes: heads.nodes, refresh: heads.refresh, pace, events, props: { without: [] },
        texts: (reading) => Math.min(1 + reading.layers + reading.layers * reading.heads - reading.without.length, room(reading)),
        run: (reading, told) => headEffects(ask, bundle, reading, heads.target(), { room: room(reading), told }),
      }),
    );
  }
  const show = (reading, { took, same }) => {
    pace.seconds ||= took / reading.tokens.length;
    panels.forEach((one) => one.show(reading, { same }));
  };
  return { show, compareNow: () => panels[1].begin() };
};
