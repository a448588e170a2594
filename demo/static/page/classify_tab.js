// The Classify tab: a text, the model's answer, its maps and the analyses beside them.
import { checkedTexts } from "./checks.js";
import { byId, mapsWidget, tabs, widget } from "./host.js";
import { classifyPanels } from "./panels.js";
import { answerOf, firstHead, mapsOfReading, noticesOf } from "./payloads.js";

const VIEWS = [["maps", "Maps"], ["mattered", "Words"], ["which_heads", "Heads"], ["compare", "Compare"]];

export const classifyTab = ({ bundle, said, mask, tell }, engine) => {
  const [text, pair] = [byId("text_field"), byId("pair_field")];
  const [answer, notice] = [widget("answer"), widget("notice")];
  const views = engine.canAblate ? VIEWS : VIEWS.filter(([part]) => part !== "which_heads");
  let [reading, turn] = [null, 0];

  const refuse = (error) => notice.set({ value: { error: true, lines: [error.message, ...(reading ? ["What stands below is still the answer to the text before."] : [])] } });
  const show = (found, took, begins) => {
    const same = reading && reading.text === found.text && reading.text_pair === found.text_pair;
    reading = found;
    answer.set({ value: answerOf(found, bundle) });
    notice.set({ value: { error: false, lines: noticesOf(found, bundle) } });
    ablated.set({ value: { without: found.without, heads: found.heads } });
    maps.show({ ...mapsOfReading(bundle, found, engine.canAblate), ...(begins ? { begins } : {}) });
    panels.show(found, { took: took / 1000, same });
    if (!byId("compare_tab").hidden && !same) panels.compareNow();
    tell(`${found.tokens.length} tokens, read in ${Math.round(took)} ms.`);
    byId("map_view").reading = found; // for whoever asks in the browser's console
    document.body.dataset.read = found.text;
  };
  // Heads that are ablated stay so for the next text; of quick readings the last counts.
  const read = async (own, other, without = reading?.without ?? [], begins = null) => {
    [text.value, pair.value] = [own, other];
    if (other) byId("second").open = true;
    const mine = (turn += 1);
    const started = performance.now();
    try {
      const found = await engine.read(...checkedTexts(own, other), without);
      if (mine === turn) show(found, performance.now() - started, begins === "first" ? firstHead(found) : begins);
    } catch (error) {
      if (mine === turn) refuse(error);
    }
  };
  const ablate = (without) => reading && read(reading.text, reading.text_pair, without);

  const ablated = widget("ablated", { events: { ablate: ({ without }) => ablate(without) } });
  const maps = mapsWidget("map_view", engine.canAblate ? { ablate: ({ without }) => ablate(without) } : {});
  const panels = classifyPanels({ bundle, said, mask }, engine, ablate);
  const open = tabs("views", views, (part) => part === "compare" && reading && panels.compareNow());
  open("maps");
  const choose = ({ index }) => read(bundle.examples[index].text, bundle.examples[index].text_pair ?? "");
  widget("examples", { props: { value: bundle.examples.map((example) => ({ text_pair: "", ...example })) }, events: { choose } });
  const submit = (event) => {
    event.preventDefault();
    read(text.value, pair.value);
  };
  for (const [field, form] of [[text, byId("text")], [pair, byId("text_pair")]]) {
    form.addEventListener("submit", submit);
    field.addEventListener("keydown", (event) => event.key === "Enter" && !event.shiftKey && submit(event));
  }
  const begin = () => (bundle.examples.length ? read(bundle.examples[0].text, bundle.examples[0].text_pair ?? "", [], "first") : null);
  const restore = async (link) => {
    if (link.place !== null) throw new Error(`place is ${link.place}, and ${bundle.title} is asked about the whole text: leave it out.`);
    await read(link.text, link.text_pair, link.without, link.state);
    open(views.some(([part]) => part === link.view) ? link.view : "maps");
  };
  return { begin, restore };
};
