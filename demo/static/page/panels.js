// The analyses beside a text's maps: each a panel with its options, its cost, a result that one of
// the page's own widgets draws, and buttons that start and stop it.
import { ask } from "../tasks/known.js";
import { isNumber, largestPlace, probabilitiesOf } from "../tasks/logits.js";
import { asking, compare, headEffects, occlusion, paceOf, textsOfHeads, textsOfOcclusion, withoutMostSeen } from "./analyses.js";
import { checkedTexts } from "./checks.js";
import { byId, sentenceOf, widget } from "./host.js";
const { make } = window.attentionMaps;

const STOPPED = Symbol("stopped");
const [MEASURED, MEASURED_FOR] = [3, 1500]; // runs from which the pace is known, milliseconds that they may take

const chooser = (id, name, choices) => {
  const select = make("select", { attributes: { id } }, choices.map(([value, text]) => make("option", { text, attributes: { value } })));
  return { select, node: make("label", { className: "option" }, [make("span", { text: name }), select]) };
};

const hasContrasts = ({ problem_type, labels }) => !isNumber({ problem_type }) && labels.length > (problem_type === "multi_label" ? 1 : 2);

// The class, or what a task has instead, that is asked about, and what it is set against: of the
// `bundle` of what was asked.
const targetOptions = (name, { chooses = true, choice }) => {
  const [label, other] = [chooser(`${name}_label`, choice, []), chooser(`${name}_rather_than`, "Rather than", [])];
  let [likeliest, bundle] = [0, null];
  const fill = ({ select }, choices) => select.replaceChildren(...choices.map(([value, text]) => make("option", { text, attributes: { value } })));
  const refresh = (asked) => {
    bundle = asked.bundle;
    const labels = bundle.labels.map((text, place) => [String(place), text]);
    fill(label, labels);
    fill(other, [["", "all others"], ...labels]);
    likeliest = largestPlace(probabilitiesOf(asked.reading.logits, bundle));
    label.select.value = String(likeliest);
    label.node.hidden = labels.length < 2;
    other.node.hidden = !hasContrasts(bundle);
  };
  const target = () => {
    const found = { label: chooses ? Number(label.select.value) : likeliest, other: other.select.value === "" ? null : Number(other.select.value) };
    if (found.label === found.other) throw new Error(`${bundle.labels[found.label]} is set against itself. Choose another class after “rather than”, or all others.`);
    return found;
  };
  return { nodes: [...(chooses ? [label.node] : []), other.node], refresh, target };
};

const seconds = (value) => (value < 1 ? "less than a second" : `about ${Math.round(value)} seconds`);

// A panel in a tab. `texts(asked)` says how many texts it will read, `run(asked, told)` does it; `asked`
// is what `ask` of tasks/known.js gives. Both plan by the `pace`, which `measured()` waits for.
const panel = (tab, { name, kind, said, nodes, texts, run, refresh = () => {}, events = {}, props = {}, pace, measured }) => {
  const start = make("button", { className: "primary", text: said.button, attributes: { type: "button", id: `${name}_start` } });
  const stop = make("button", { className: "plain", text: "Stop", attributes: { type: "button", id: `${name}_stop`, disabled: "" } });
  const slots = ["cost", "result"].map((part) => make("div", { attributes: { id: `${name}_${part}` } }));
  byId(tab).append(make("div", { attributes: { id: `${name}_panel` } }, [make("div", { className: "look-for" }, [make("p", {}, sentenceOf(said.look_for))]), make("div", { className: "panel-options" }, [...nodes, start, stop]), ...slots]));
  const cost = widget("cost", { id: `${name}_cost` });
  const result = widget(kind, { id: `${name}_result`, props, events });
  let [asked, turn] = [null, 0];
  const tell = () => {
    if (!asked || !pace.seconds()) return cost.set({ value: { text: asked ? "" : "What it takes is told once there is a text." } });
    const count = texts(asked);
    const time = count * asked.reading.tokens.length * pace.seconds();
    cost.set({ value: { text: `${count} changed ${count === 1 ? "text" : "texts"} to read, ${seconds(time)}.` } });
  };
  const end = () => {
    turn += 1;
    stop.disabled = true;
  };
  const begin = async () => {
    if (!asked) return;
    end();
    const mine = turn;
    stop.disabled = false;
    cost.set({ value: { text: "Starting.", share: 0 } });
    const told = (done, of) => {
      if (mine !== turn) throw STOPPED;
      cost.set({ value: { text: `${done} of ${of} texts read.`, share: done / of } });
    };
    try {
      await measured();
      if (mine !== turn) return;
      const found = await run(asked, told);
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
    asked = next;
    if (!same && next) refresh(next);
    if (!same || !("without" in props)) result.set({ value: {} });
    if (next && "without" in props) result.set({ without: next.reading.without });
    tell();
  };
  return { show, begin, tell: () => stop.disabled && tell() };
};

// All panels of the reading tab; gives what shows them what was asked, or null.
export const readingPanels = ({ bundle, said, task }, engine, ablate) => {
  const { maskId: mask, canAblate } = engine;
  const pace = paceOf();
  const answers = asking({ scores: engine.scores, bundle, pace });
  const room = ({ reading }) => pace.textsWithin(reading.tokens.length);
  let known = null; // whether the pace is
  const measured = () => known;
  const { choice } = task;
  const [words, heads, sides] = [targetOptions("occlusion", { choice }), targetOptions("head_effects", { choice }), targetOptions("compare", { choice, chooses: false })];
  const way = chooser("occlusion_way", "Words are", [["deleted", "deleted"], ...(mask === null ? [] : [["masked", "masked"]])]);
  const other = make("textarea", { attributes: { rows: "2", id: "compare_text" } });
  // Another text, asked the same, about the same word or mask where it has that.
  const otherOf = async ({ reading, place }) => {
    const found = await engine.read(...checkedTexts(other.value, reading.text_pair), reading.without);
    return ask(bundle, found, place === null ? null : task.follow(reading, place, found));
  };
  const panels = [
    panel("mattered_tab", {
      name: "occlusion", kind: "occlusion", said: said.occlusion, nodes: [...words.nodes, way.node], refresh: words.refresh, pace, measured,
      texts: (asked) => textsOfOcclusion(asked.reading, room(asked)),
      run: (asked, told) => occlusion(answers, asked.bundle, asked.reading, words.target(), { way: way.select.value, mask, room: room(asked), told }),
    }),
    panel("compare_tab", {
      name: "compare", kind: "compare", said: said.compare, nodes: [make("label", { className: "option wide" }, [make("span", { text: "Compare with" }), other]), ...sides.nodes], pace, measured,
      refresh: (asked) => {
        sides.refresh(asked);
        other.value = withoutMostSeen(asked.reading);
      },
      texts: () => 1,
      run: async (asked) => compare(asked, await otherOf(asked), sides.target().other),
    }),
  ];
  if (canAblate) {
    const events = { ablate: ({ without }) => ablate(without) };
    panels.push(
      panel("which_heads_tab", {
        name: "head_effects", kind: "head_effects", said: said.head_effects, nodes: heads.nodes, refresh: heads.refresh, pace, measured, events, props: { without: [] },
        texts: (asked) => textsOfHeads(asked.reading, room(asked)),
        run: (asked, told) => headEffects(answers, asked.bundle, asked.reading, heads.target(), { room: room(asked), told }),
      }),
    );
  }
  // The first runs of all are slow, and no measure of those to come: their text is read again. Where
  // that fails, an analysis reads as few texts as it may, or says why it cannot.
  const measure = async (asked) => {
    const until = performance.now() + MEASURED_FOR;
    try {
      for (let run = 0; run < MEASURED && performance.now() < until; run++) await answers([asked.reading]);
    } catch {
      return;
    }
    panels.forEach((one) => one.tell());
  };
  const show = (asked, { same }) => {
    panels.forEach((one) => one.show(asked, { same }));
    if (asked) known ??= measure(asked);
  };
  return { show, compareNow: () => panels[1].begin() };
};
