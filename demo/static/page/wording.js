// What the page says of its model, and of its analyses: the sentences of `explorer/ui/wording.py`, of
// `payloads.facts` and of the panels, to which a test under node holds them.
import { TASKS, taskOf } from "../tasks/known.js";

const MOST_NAMED = 8;

const SEE = "and see what every attention head attends to.";

const comma = (count) => count.toLocaleString("en");
const inPercent = (share) => `${(100 * share).toFixed(1)}%`;
const small = (share) => (share >= 0.001 ? inPercent(share) : "less than 0.1%");
export const doesOf = (manifest) => [...(taskOf(manifest) ? ["classify"] : []), ...(manifest.tasks.includes("generate") ? ["write"] : [])];

// The graph that runs, and how far its maps are from float32's.
const graphOf = (manifest, task) => {
  const graphs = manifest.graphs[task];
  const precision = graphs["8bit"] ? "8bit" : "float32";
  const error = graphs[precision].map_error ?? {};
  return { precision, error: error.cross_attentions ?? error };
};
const encoderGraph = (manifest) => graphOf(manifest, taskOf(manifest) ?? "encode");
const whichGraph = ({ precision, error: { mean } }) =>
  precision === "float32" ? "float32 weights" : `8-bit weights${mean === undefined || mean === null ? "" : ` (maps differ by ${small(mean)} from float32's)`}`;
const inFloat32 = ({ precision }) => (precision === "float32" ? "" : " (by the float32 weights)");

const decoderFact = (manifest) => {
  if (!manifest.decoder) return "";
  const graph = graphOf(manifest, "generate");
  const other = graph.precision === encoderGraph(manifest).precision ? "" : `, ${whichGraph(graph)}`;
  return `decoder: ${manifest.decoder.layers} layers × ${manifest.decoder.heads} heads${other}`;
};
const accuracyFact = (manifest) => {
  const { accuracy, texts } = manifest.metrics?.test ?? {};
  return accuracy === undefined || accuracy === null ? "" : `${inPercent(accuracy)} accuracy on ${texts ? `${comma(texts)} ` : ""}unseen texts${inFloat32(encoderGraph(manifest))}`;
};
const worthFact = (manifest) => {
  if (!manifest.decoder) return "";
  const { test = {}, copied = {} } = manifest.decoder.metrics ?? {};
  const known = (value) => value !== undefined && value !== null;
  const [before, after] = [copied?.word_error_rate, test?.word_error_rate];
  if (known(before) && known(after)) return `restores unseen sentences: ${inPercent(before)} of words wrong before, ${inPercent(after)} after${inFloat32(graphOf(manifest, "generate"))}`;
  return known(test?.rougeL) ? `ROUGE-L ${test.rougeL.toFixed(2)} on unseen texts${inFloat32(graphOf(manifest, "generate"))}` : "";
};

export const promiseOf = (manifest) => {
  const [task, writes] = [taskOf(manifest), doesOf(manifest).includes("write")];
  if (!task) return `Give a sentence, watch the model write, token by token, ${SEE}`;
  return `${TASKS[task].promise}${writes ? " or watch it write" : ""}, ${SEE}`;
};

// Layers, which count from 0, for people.
const numberedLayers = (layers) => {
  const names = layers.map((layer) => layer + 1);
  return names.length > 1 ? `layers ${names.slice(0, -1).join(", ")} and ${names.at(-1)}` : `layer ${names[0]}`;
};
// The encoder's sizes, and of which layers there are maps where that is not all of them.
const encoderFact = ({ sizes: { layers, heads }, map_layers }) => {
  const told = `encoder: ${layers} layers × ${heads} heads`;
  return !map_layers || map_layers.length === layers ? told : `${told}, maps of ${numberedLayers(map_layers)}`;
};
// The layer whose attention stands beside effects.
export const lastWithMaps = ({ sizes: { layers }, map_layers }) => {
  const last = map_layers.at(-1) + 1;
  return last === layers ? "the last layer" : `layer ${last}, the last one with maps`;
};

// A label, a title or an offered example, with characters that turn the direction of text as their
// numbers: see `in_sight` of explorer/bundle.py.
export const inSight = (name) => name.replace(/[\u202a-\u202e\u2066-\u2069]/g, (one) => `⟨U+${one.codePointAt(0).toString(16).toUpperCase()}⟩`);

export const factsOf = (manifest) => {
  const labels = manifest.labels?.map(inSight) ?? [];
  const more = labels.length - MOST_NAMED;
  const facts = [
    labels.slice(0, MOST_NAMED).join(" · ") + (more > 0 ? ` and ${more} more` : ""),
    encoderFact(manifest), decoderFact(manifest), whichGraph(encoderGraph(manifest)), accuracyFact(manifest), worthFact(manifest),
  ];
  return { title: inSight(manifest.title), tabs: [...doesOf(manifest), ...(doesOf(manifest).includes("write") ? ["source"] : [])], facts: facts.filter(Boolean) };
};

const graphError = (who, what, { precision, error: { mean, p99 } }) => {
  if (precision === "float32") return `${who} runs the float32 graph.`;
  if (mean === undefined || mean === null) return `${who} runs the 8-bit graph; how far its maps are from float32's is not known.`;
  const rare = p99 === undefined || p99 === null ? "" : `, ${small(p99)} in one row in a hundred`;
  return `${who} runs the 8-bit graph. Against float32, a row of ${what} moves ${small(mean)} of its attention on average${rare} (total variation distance).`;
};
export const aboutOf = (manifest) => [
  graphError("The encoder", "a map", encoderGraph(manifest)),
  ...(manifest.decoder ? [graphError("The decoder", "a cross-attention map", graphOf(manifest, "generate"))] : []),
  manifest.licence,
];
export const wantedOf = ({ decoder }) => (decoder?.task === "restore" ? "A sentence with words that are masked, missing, swapped or mistyped, to be restored." : decoder ? "The text that is read; the model writes its own for it." : "");

// Of what a later visit needs a network, by whether the page with what reads, and what writes, is kept;
// `newer`: another version of the page is kept by now.
export const keptOf = (manifest, { reads, writes, newer }) => {
  if (newer) return "A newer version of this page is here: load it again.";
  if (!reads) return "It is not kept in this browser: each visit needs a network.";
  if (writes || !doesOf(manifest).includes("write")) return "It is kept here: a later visit needs no network.";
  if (!doesOf(manifest).includes("classify")) return ""; // its only tab is open: the decoder is on its way
  return "A later visit reads without a network. To write without one, open the Write tab once before.";
};

// How many tokens of a text are read, of two that are read apart of each: as many as the model can, and
// memory and time allow. See `most_tokens` of explorer/bundle.py.
const MAP_BYTES = 384 * 2 ** 20;
const LEAST = 16;
const mostTokens = ({ tasks, max_tokens, map_layers, sizes: { layers, heads, hidden, vocabulary } }) => {
  const maps = (map_layers?.length ?? layers) * heads;
  const fitting = (wanted) => {
    let fits = Math.min(wanted, 1024, Math.floor(Math.sqrt(MAP_BYTES / (4 * maps))));
    while (fits > 0 && 2 * layers * fits * (12 * hidden ** 2 + 2 * hidden * fits) > 4e11) fits -= 1;
    return Math.max(fits, Math.min(wanted, LEAST));
  };
  if (tasks.includes("embed")) return Math.max(Math.floor(fitting(2 * max_tokens) / 2), Math.min(max_tokens, LEAST)); // both stand in one map
  const most = fitting(max_tokens);
  return tasks.includes("fill") ? Math.min(most, Math.max(Math.floor(MAP_BYTES / (4 * vocabulary)), LEAST)) : most;
};

// bundle.json with what follows from it.
export const bundleOf = (manifest) => ({
  ...manifest, title: inSight(manifest.title), labels: manifest.labels?.map(inSight), task: taskOf(manifest), most_tokens: mostTokens(manifest), examples: manifest.examples ?? [],
  map_layers: manifest.map_layers ?? Array.from({ length: manifest.sizes.layers }, (_, layer) => layer),
});

// The controls of how a text is written: see `explorer/ui/panels/decoding.py`.
export const SETTINGS = {
  strategy: { label: "Decoding strategy", choices: [["greedy", "Greedy: the likeliest word"], ["beam", "Beam search: several candidates at once"], ["sample", "Sampling: by probability"]] },
  temperature: { label: "Temperature", info: "Below 1, likely words gain. 0.05 to 5." },
  top_k: { label: "Top-k", info: "Draw from this many words; 0: all. 0 to 1000." },
  top_p: { label: "Top-p", info: "Draw from the words that make up this share. 0.01 to 1." },
  seed: { label: "Seed", info: "Another seed, another text. " },
  beams: { label: "Beams", info: "How many candidates are kept. 2 to 6." },
  max_tokens: { label: "Maximum tokens", info: "The end token counts. 1 to 128." },
  repetition_penalty: { label: "Repetition penalty", info: "Above 1, words that were written score less. 0.5 to 5." },
  no_repeat_ngram: { label: "No-repeat n-gram size", info: "This many words in a row never come twice; 0: they may. 0 to 10." },
};

export const PANELS = {
  occlusion: {
    button: "Remove each word",
    look_for:
      "**What each word did.** Every word is removed in turn and the model asked again: a word's effect is the answer with it less the answer without it. The line below a word is how much attention it gets from where the answer is read, such as [CLS]. Try a negation, such as “not bad at all”: “not” can carry the answer and get hardly any attention, while much of it goes to words without which nothing changes.",
  },
  head_effects: {
    button: "Ablate each head",
    look_for:
      "**Which heads this answer needs.** Every head is ablated in turn and the model asked again. One head alone is seldom needed, since others do its work ([Michel et al. 2019](https://arxiv.org/abs/1905.10650)). Choose a cell to ablate its head: the answer, the maps and all other views follow.",
  },
  compare: {
    button: "Compare",
    look_for:
      "**Change one thing.** Read the text again with one word changed, and see which heads notice. A head whose attention moves far while the answer stays is no reason for the answer; look for heads that move together with it.",
  },
};
