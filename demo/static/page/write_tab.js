// The Write tab: a source, how it is written, the text that grows from it, and what each of its
// tokens attended to. The decoder comes when the tab is first opened.
import { FIRST } from "../model/choosing.js";
import { checkedTexts } from "./checks.js";
import { byId, mapsWidget, widget } from "./host.js";
import { examplesOf, firstCrossHead, mapsOfGeneration, writeNoticesOf, writtenOf } from "./payloads.js";
import { settingsForm } from "./settings_form.js";

// `come` is called once the decoder is here.
export const writeTab = ({ bundle, wanted, tell, come }, engine) => {
  const [source, stop] = [byId("source_field"), byId("stop")];
  const [notice, written, maps, form] = [widget("notice", { id: "write_notice" }), widget("written"), mapsWidget("write_map_view"), settingsForm()];
  let [running, shown, decoder, turn] = [null, false, null, 0];
  byId("wanted").textContent = wanted;

  const draw = (generation, busy, begins) => {
    written.set({ value: writtenOf(bundle, generation, busy) });
    maps.show({ ...mapsOfGeneration(bundle, generation, busy), ...(begins ? { begins } : {}) });
    shown = true;
  };
  const follow = (generation, begins) => ({ from, steps, ...state }) => {
    generation.steps.splice(from, Infinity, ...steps);
    Object.assign(generation, state);
    if (state.source) {
      notice.set({ value: { error: false, lines: writeNoticesOf(generation, bundle) } });
      tell("Writing.");
    }
    draw(generation, true, begins);
  };
  const refuse = (error) => notice.set({ value: { error: true, lines: [error.message, ...(shown ? ["What stands below was written before."] : [])] } });
  // Nothing is on its way for anybody once one of its files failed, though others may still come.
  const progress = (done) => decoder && (byId("decoder").textContent = `The decoder is on its way: ${done}.`);
  const fetched = async () => {
    byId("decoder").textContent = "The decoder is on its way.";
    try {
      await engine.openDecoder();
      come();
    } catch (error) {
      decoder = null; // the next one who wants it asks again
      throw error;
    } finally {
      byId("decoder").textContent = "";
    }
  };
  const wantDecoder = () => (decoder ??= fetched());
  const opened = async () => {
    try {
      await wantDecoder();
      if (!shown) notice.set({ value: { error: false, lines: [] } }); // it may have been missing before
    } catch (error) {
      refuse(error);
    }
  };
  const end = async (mine, generation, begins) => {
    const started = performance.now();
    try {
      await mine.answer;
      if (mine !== running || !generation.steps.length) return;
      // Later, the reader has chosen what to look at.
      draw(generation, false, begins ?? (generation.first ? firstCrossHead(bundle, generation) : null));
      tell(`${generation.steps.length} tokens written in ${((performance.now() - started) / 1000).toFixed(2)} s.`);
      document.body.dataset.written = generation.text;
    } catch (error) {
      if (mine !== running) return;
      refuse(error);
      tell("");
    } finally {
      if (mine === running) {
        running = null;
        stop.disabled = true;
      }
    }
  };
  const write = async (text, begins = null) => {
    source.value = text;
    const mine = (turn += 1);
    let settings;
    try {
      [text] = checkedTexts(text);
      settings = form.get();
      running?.stop();
      await wantDecoder();
    } catch (error) {
      return refuse(error);
    }
    if (mine !== turn) return; // another text is wanted by now
    const generation = { steps: [], settings, first: !shown };
    running = engine.write([text, settings], follow(generation, begins));
    stop.disabled = false;
    return end(running, generation, begins);
  };
  const submit = (event) => {
    event.preventDefault();
    write(source.value);
  };
  byId("source").addEventListener("submit", submit);
  source.addEventListener("keydown", (event) => event.key === "Enter" && !event.shiftKey && submit(event));
  stop.addEventListener("click", () => running?.stop());
  const examples = bundle.decoder.examples ?? [];
  widget("examples", { id: "write_examples", props: { value: examplesOf(examples) }, events: { choose: ({ index }) => write(examples[index].text) } });
  if (examples.length) source.value = examples[0].text;
  const restore = (link) => {
    form.set({ ...FIRST, ...link.settings });
    return write(link.text, link.state);
  };
  return { restore, opened, progress };
};
