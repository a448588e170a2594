// The Write tab: a source, the text that grows from it, and what each of its tokens attended to. The
// decoder comes when the first text is wanted.
import { byId, mapsWidget, widget } from "./host.js";
import { firstCrossHead, mapsOfGeneration, noticesOf, writtenOf } from "./payloads.js";

const MOST = 128; // tokens that are written
const PAUSE = 50; // milliseconds between two pictures of a growing text

export const writeTab = ({ bundle, wanted, tell }, engine) => {
  const [source, stop] = [byId("source_field"), byId("stop")];
  const [notice, written, maps] = [widget("notice", { id: "write_notice" }), widget("written"), mapsWidget("write_map_view")];
  let running = null;
  byId("wanted").textContent = wanted;

  const draw = (generation, busy, begins) => {
    written.set({ value: writtenOf(bundle, generation, busy) });
    maps.show({ ...mapsOfGeneration(bundle, generation, busy), ...(begins ? { begins } : {}) });
  };
  const follow = (generation, begins) => {
    let drawn = 0;
    return (step) => {
      generation.steps.push(step);
      if (step.source) {
        generation.source = step.source;
        generation.start = step.start;
        notice.set({ value: { error: false, lines: noticesOf(step.source, bundle, "what the decoder sees and of the maps") } });
        tell("Writing.");
      }
      if (performance.now() - drawn < PAUSE) return;
      draw(generation, true, begins);
      drawn = performance.now();
    };
  };
  const write = async (text, begins = null) => {
    source.value = text;
    running?.stop();
    const [generation, started] = [{ steps: [] }, performance.now()];
    tell("The decoder is on its way.");
    const mine = (running = engine.write([text, Math.min(MOST, bundle.decoder.max_tokens)], follow(generation, begins)));
    stop.disabled = false;
    try {
      await mine.answer;
      if (mine !== running || !generation.steps.length) return;
      draw(generation, false, begins ?? firstCrossHead(bundle, generation));
      const took = performance.now() - started;
      tell(`${generation.steps.length} tokens written in ${(took / 1000).toFixed(1)} s.`);
      document.body.dataset.written = generation.steps.at(-1).text;
    } catch (error) {
      if (mine === running) notice.set({ value: { error: true, lines: [error.message] } });
    } finally {
      if (mine === running) {
        running = null;
        stop.disabled = true;
      }
    }
  };
  const submit = (event) => {
    event.preventDefault();
    write(source.value);
  };
  byId("source").addEventListener("submit", submit);
  source.addEventListener("keydown", (event) => event.key === "Enter" && !event.shiftKey && submit(event));
  stop.addEventListener("click", () => running?.stop());
  const examples = bundle.decoder.examples ?? [];
  widget("examples", { id: "write_examples", props: { value: examples.map(({ text }) => ({ text, text_pair: "" })) }, events: { choose: ({ index }) => write(examples[index].text) } });
  if (examples.length) source.value = examples[0].text;
  return { restore: (link) => write(link.text, link.state) };
};
