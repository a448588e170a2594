// The page in the visitor's browser: opens the bundle in a worker, and lays out what the model does.
import { decoderFiles, download, openFiles, openStore } from "../model/files.js";
import { TASKS } from "../tasks/known.js";
import { byId, tabs, widget } from "./host.js";
import { MOST_CHARACTERS, VIEWS, readLink } from "./opened_link.js";
import { readingTab } from "./reading_tab.js";
import { openRemote } from "./remote_engine.js";
import { PANELS, aboutOf, bundleOf, doesOf, factsOf, keptOf, promiseOf, wantedOf } from "./wording.js";
import { writeTab } from "./write_tab.js";

const BASE = new URL("../../", import.meta.url).href;
const dark = matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.body.classList.toggle("dark", dark.matches);
dark.addEventListener("change", follow);
follow();

const tell = (text) => (byId("status").textContent = text);

// Tells how much has come of the files that were asked for.
const progressOf = (sizes, told) => {
  const come = new Map();
  return ({ name, bytes }) => {
    come.set(name, bytes);
    const [done, whole] = [[...come.values()].reduce((sum, one) => sum + one, 0), [...come.keys()].reduce((sum, one) => sum + sizes[one], 0)];
    told(`${Math.round((100 * done) / whole)}% of ${(whole / 1e6).toFixed(0)} MB`);
  };
};

// Once another version of the page has taken the place of the one that was kept.
const replaced = new Promise((yes) => navigator.serviceWorker?.controller && navigator.serviceWorker.addEventListener("controllerchange", yes));
// Keeps this page for use without a network; gives whether it is, once it is. A newer version is asked
// for: by itself a browser may look for none in a day.
const keep = async () => {
  try {
    const { serviceWorker } = navigator;
    const held = await serviceWorker.register(`${BASE}sw.js`, { updateViaCache: "none" });
    held.update().catch(() => {}); // without a network there is none
    return Boolean(await serviceWorker.ready);
  } catch {
    return false; // the browser forbids it, or has none
  }
};

// Throws a sentence: a host may answer with a page that tells of its trouble as if that were the file.
const parsed = (name, bytes) => {
  const text = new TextDecoder().decode(bytes);
  try {
    return JSON.parse(text);
  } catch {
    const begins = text.trim().slice(0, 40);
    throw new Error(`${name} came with what is no JSON (${begins ? `it begins “${begins}”` : "it is empty"}). Load the page again in a while.`);
  }
};

const start = async () => {
  const page = parsed("page.json", await download(`${BASE}page.json`));
  const listed = `${page.folder}bundle.json`;
  const store = await openStore(BASE, page.version);
  const own = openFiles({ base: BASE, sums: { [listed]: page.bundle }, store });
  const manifest = parsed(listed, await own.file(listed));
  const inFolder = Object.entries(manifest.files).map(([name, sum]) => [page.folder + name, sum]);
  const sums = { ...Object.fromEntries(inFolder), "library/ort-wasm-simd-threaded.wasm": page.runtime };
  const bundle = bundleOf(manifest);
  byId("promise").textContent = promiseOf(manifest);
  widget("facts", { props: { value: factsOf(manifest) } });
  widget("about", { props: { value: aboutOf(manifest) } });

  const writes = decoderFiles(manifest).map((name) => page.folder + name);
  let opening = true; // until the model is here, or why it is not stands there: some files may still come
  const told = [(done) => opening && tell(`The model is on its way: ${done}.`), (done) => tab.write.progress(done)].map((one) => progressOf(page.sizes, one));
  const engine = openRemote((come) => told[Number(writes.includes(come.name))](come));
  const asked = { manifest, folder: page.folder, sums, most: bundle.most_tokens, base: BASE, version: page.version };
  const { mask, maskId, canAblate } = await engine.open(asked).finally(() => (opening = false));
  Object.assign(engine, { canAblate, maskId });
  bundle.mask = mask; // how its tokenizer writes a masked word
  const parts = { classify: TASKS[bundle.task]?.title, write: "Write" };
  const does = doesOf(manifest);
  let [reads, newer] = [null, false]; // whether the page and what reads are kept, and in a newer version
  const tellKept = async () => (byId("kept").textContent = reads === null ? "" : keptOf(manifest, { reads, newer, writes: await engine.kept(writes) }));
  replaced.then(() => {
    newer = true;
    return tellKept();
  });
  const shared = { bundle, said: PANELS, tell, wanted: wantedOf(manifest), come: tellKept };
  const tab = { classify: does.includes("classify") && readingTab(shared, engine), write: does.includes("write") && writeTab(shared, engine) };
  const open = tabs("tabs", does.map((part) => [part, parts[part]]), (part) => tab[part].opened?.());
  open(does[0]);

  const views = Object.fromEntries(does.map((part) => [part, VIEWS[part]]));
  const restore = async ({ fragment }) => {
    try {
      const link = readLink(fragment.replace(/^#/, ""), { bundle, views, canAblate });
      open(link.tab);
      await tab[link.tab].restore(link);
    } catch (error) {
      tell(error.message);
    }
  };
  const link = widget("link", { props: { value: { views, most: MOST_CHARACTERS } }, events: { restore } });
  widget("glossary", { props: { value: { begin: true } } });
  tell("The model is here.");
  document.body.dataset.open = "true";
  if (location.hash.length > 1) link.element.dispatchEvent(new CustomEvent("link-open"));
  else if (tab.classify) await tab.classify.begin();
  reads = (await Promise.all([keep(), own.kept(), engine.kept()])).every(Boolean);
  await tellKept();
};

start().catch((error) => {
  tell(error.message);
  keep(); // it may be an old version of the page that fails
});
