// The reading tab: a text, the model's answer, its maps and the analyses beside them. It is one for all
// tasks; what each has of its own is in tasks/.
import { TASKS, ask } from "../tasks/known.js";
import { checkedTexts } from "./checks.js";
import { byId, mapsWidget, tabs, widget } from "./host.js";
import { readingPanels } from "./panels.js";
import { examplesOf, firstHead, mapsOfReading, noticesOf } from "./payloads.js";

const VIEWS = [["maps", "Maps"], ["mattered", "Words"], ["which_heads", "Heads"], ["compare", "Compare"]];

// What the two texts are called, and whether there is a second one.
const nameTexts = ({ text, text_pair, needs_pair }) => {
  byId("text").querySelector("label").textContent = text;
  byId("text_pair").querySelector("label").textContent = text_pair;
  byId("second").hidden = !text_pair;
  byId("second").open = Boolean(needs_pair);
  byId("second").querySelector("summary").textContent = needs_pair ? text_pair : `Add a ${text_pair.toLowerCase()}`;
};

export const readingTab = ({ bundle, said, tell }, engine) => {
  const [text, pair, task] = [byId("text_field"), byId("pair_field"), TASKS[bundle.task]];
  nameTexts(task);
  const answer = widget("answer", { events: { choose: ({ place }) => show(reading, { place }) } });
  const notice = widget("notice");
  const views = engine.canAblate ? VIEWS : VIEWS.filter(([part]) => part !== "which_heads");
  let [reading, place, turn] = [null, null, 0];

  const refuse = (error) => notice.set({ value: { error: true, lines: [error.message, ...(reading ? ["What stands below is still the answer to the text before."] : [])] } });
  // What is asked about a place, or about what comes first; null where there is nothing to ask.
  const askedOf = (found, wanted, lines) => {
    try {
      return ask(bundle, found, wanted);
    } catch (error) {
      if (wanted !== null) throw error;
      lines.push(error.message);
      return null;
    }
  };
  const show = (found, { took = null, begins = null, place: wanted = null }) => {
    const lines = noticesOf(found, bundle);
    const asked = askedOf(found, wanted, lines);
    const same = reading && reading.text === found.text && reading.text_pair === found.text_pair && place === (asked?.place ?? null);
    [reading, place] = [found, asked?.place ?? null];
    answer.set({ value: asked ? task.show(bundle, found, asked) : {} });
    notice.set({ value: { error: false, lines } });
    ablated.set({ value: { without: found.without, heads: found.heads } });
    maps.show({ ...mapsOfReading(bundle, asked?.reading ?? found, engine.canAblate, place), ...(begins ? { begins } : {}) });
    panels.show(asked, { same });
    if (!byId("compare_tab").hidden && !same) panels.compareNow();
    if (took !== null) tell(`${found.tokens.length} tokens, read in ${Math.round(took)} ms.`);
    byId("map_view").reading = asked?.reading ?? found; // for whoever asks in the browser's console
    document.body.dataset.read = found.text;
  };
  // Heads that are ablated stay so for the next text, and the place that is asked about for the same
  // one; of quick readings the last counts.
  const read = async (own, other, { without = reading?.without ?? [], begins = null, place: wanted = reading?.text === own ? place : null } = {}) => {
    [text.value, pair.value] = [own, other];
    if (other) byId("second").open = true;
    const mine = (turn += 1);
    const started = performance.now();
    try {
      const found = await engine.read(...checkedTexts(own, other), without);
      if (mine === turn) show(found, { took: performance.now() - started, begins: begins === "first" ? firstHead(found) : begins, place: wanted });
    } catch (error) {
      if (mine === turn) refuse(error);
    }
  };
  const ablate = (without) => reading && read(reading.text, reading.text_pair, { without });

  const ablated = widget("ablated", { events: { ablate: ({ without }) => ablate(without) } });
  const maps = mapsWidget("map_view", engine.canAblate ? { ablate: ({ without }) => ablate(without) } : {});
  const panels = readingPanels({ bundle, said, task }, engine, ablate);
  const open = tabs("views", views, (part) => part === "compare" && reading && panels.compareNow());
  open("maps");
  const choose = ({ index }) => read(bundle.examples[index].text, bundle.examples[index].text_pair ?? "");
  widget("examples", { props: { value: examplesOf(bundle.examples) }, events: { choose } });
  const submit = (event) => {
    event.preventDefault();
    read(text.value, pair.value);
  };
  for (const [field, form] of [[text, byId("text")], [pair, byId("text_pair")]]) {
    form.addEventListener("submit", submit);
    field.addEventListener("keydown", (event) => event.key === "Enter" && !event.shiftKey && submit(event));
  }
  const begin = () => (bundle.examples.length ? read(bundle.examples[0].text, bundle.examples[0].text_pair ?? "", { begins: "first" }) : null);
  const restore = async (link) => {
    await read(link.text, link.text_pair, { without: link.without, begins: link.state, place: link.place });
    open(views.some(([part]) => part === link.view) ? link.view : "maps");
  };
  return { begin, restore };
};
