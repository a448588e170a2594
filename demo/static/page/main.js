// The page in the visitor's browser: opens the bundle in a worker, and lays out what the model does.
import { openFiles, openStore } from "../model/files.js";
import { TASKS } from "../tasks/known.js";
import { byId, tabs, widget } from "./host.js";
import { MOST_CHARACTERS, VIEWS, readLink } from "./opened_link.js";
import { readingTab } from "./reading_tab.js";
import { openRemote } from "./remote_engine.js";
import { PANELS, aboutOf, bundleOf, doesOf, factsOf, promiseOf, wantedOf } from "./wording.js";
import { writeTab } from "./write_tab.js";

const BASE = new URL("../../", import.meta.url).href;
const dark = matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.body.classList.toggle("dark", dark.matches);
dark.addEventListener("change", follow);
follow();

const tell = (text) => (byId("status").textContent = text);

// How much of the files has come, of all that the model needs to begin.
const progressOf = (sizes) => {
  const come = new Map();
  return ({ name, bytes }) => {
    if (name.includes("decoder")) return tell(`The decoder: ${(bytes / 1e6).toFixed(0)} MB have come.`);
    come.set(name, bytes);
    const [done, whole] = [[...come.values()].reduce((sum, one) => sum + one, 0), [...come.keys()].reduce((sum, one) => sum + sizes[one], 0)];
    tell(`The model is on its way: ${Math.round((100 * done) / whole)}% of ${(whole / 1e6).toFixed(0)} MB.`);
  };
};

// Where this page is kept for use without a network, unless the browser forbids it.
const keep = (version) => navigator.serviceWorker?.register(`${BASE}sw.js?${version.slice(0, 12)}`).catch(() => {});

const start = async () => {
  const page = await (await fetch(`${BASE}page.json`)).json();
  const listed = `${page.folder}bundle.json`;
  const store = await openStore(BASE, page.version);
  const manifest = JSON.parse(new TextDecoder().decode(await openFiles({ base: BASE, sums: { [listed]: page.bundle }, store })(listed)));
  const inFolder = Object.entries(manifest.files).map(([name, sum]) => [page.folder + name, sum]);
  const sums = { ...Object.fromEntries(inFolder), "library/ort-wasm-simd-threaded.wasm": page.runtime };
  const bundle = bundleOf(manifest);
  byId("promise").textContent = promiseOf(manifest);
  widget("facts", { props: { value: factsOf(manifest) } });
  widget("about", { props: { value: aboutOf(manifest) } });

  const engine = openRemote(progressOf(page.sizes));
  const { mask, maskId, canAblate } = await engine.open({ manifest, folder: page.folder, sums, most: bundle.most_tokens, base: BASE, version: page.version });
  Object.assign(engine, { canAblate, maskId });
  bundle.mask = mask; // how its tokenizer writes a masked word
  const parts = { classify: TASKS[bundle.task]?.title, write: "Write" };
  const does = doesOf(manifest);
  const shared = { bundle, said: PANELS, tell, wanted: wantedOf(manifest) };
  const tab = { classify: does.includes("classify") && readingTab(shared, engine), write: does.includes("write") && writeTab(shared, engine) };
  const open = tabs("tabs", does.map((part) => [part, parts[part]]));
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
  keep(page.version);
};

start().catch((error) => tell(error.message));
