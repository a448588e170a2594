// The page of demo/static without a browser: reads questions as JSON and answers with what its
// widgets would show. Arguments: the folder of npm's packages, the folder of a bundle.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { BOUNDS, FIRST, checkedSettings, chosenSettings } from "../../../demo/static/model/choosing.js";
import { feedMasks, openEngine } from "../../../demo/static/model/engine.js";
import { openFiles, openStore } from "../../../demo/static/model/files.js";
import { CHANGES, CUTS } from "../../../demo/static/model/pieces.js";
import { textEncoder } from "../../../demo/static/model/tokens.js";
import { asking, compare, headEffects, occlusion, paceOf, textsOfHeads, textsOfOcclusion, withoutMostSeen } from "../../../demo/static/page/analyses.js";
import { checkedTexts } from "../../../demo/static/page/checks.js";
import { keptMap } from "../../../demo/static/page/map_files.js";
import { VIEWS, readLink } from "../../../demo/static/page/opened_link.js";
import * as payloads from "../../../demo/static/page/payloads.js";
import * as wording from "../../../demo/static/page/wording.js";
import { TASKS, ask } from "../../../demo/static/tasks/known.js";

console.log = console.info = console.debug = console.error; // the answers own stdout
const [packages, folder] = process.argv.slice(2);
const package_ = (name) => import(pathToFileURL(join(packages, name)).href);
const { Tokenizer } = await package_("@huggingface/tokenizers/dist/tokenizers.min.mjs");
const json = (name) => JSON.parse(readFileSync(name, "utf8"));
const range = (count) => Array.from({ length: count }, (_, place) => place);
const plain = (value) => JSON.parse(JSON.stringify(value, (_, one) => (one instanceof Float32Array ? [...one] : one)));

const opened = {};
const open = async (place = folder) => (opened[place] ??= openFolder(place));
const openFolder = async (place) => {
  const ort = await package_("onnxruntime-web/dist/ort.node.min.mjs");
  ort.env.wasm.numThreads = 1;
  const manifest = json(join(place, "bundle.json"));
  for (const graphs of Object.values(manifest.graphs)) if (graphs.float32) delete graphs["8bit"];
  const bundle = wording.bundleOf(manifest);
  const engine = await openEngine({ ort, Tokenizer, manifest, file: async (name) => new Uint8Array(readFileSync(join(place, name))), most: bundle.most_tokens });
  return { engine, bundle: { ...bundle, mask: engine.mask } };
};
// A text as it was read elsewhere, and what was answered there to changed ones: so the arithmetic is
// compared, and no runtime's.
const openAnswered = async ({ folder: place, text, pair, without, given, answers }) => {
  const { engine, bundle } = await open(place);
  const key = ({ ids, segments }, mask) => JSON.stringify([ids, segments, mask?.some((factor) => factor !== 1) ? [...mask] : null]);
  const known = new Map(answers.map(([ids, segments, mask, logits]) => [key({ ids, segments }, mask), logits]));
  const scores = async (texts, masks) => texts.map(([one], row) => ({ logits: known.get(key(one, masks?.[row])) ?? [NaN] }));
  const reading = { ...(await engine.read(text, pair, without)), outputs: { logits: given.logits }, weights: Float32Array.from(given.weights) };
  return { engine, asked: ask(bundle, reading), answers: asking({ scores, bundle }) };
};

const answers = {
  tokens: ({ file, most, texts }) => {
    const { encode } = textEncoder(new Tokenizer(json(file), {}), most, {});
    return texts.map(([text, pair]) => encode(text, pair));
  },
  rules: () => ({ normalizer: Object.keys(CHANGES), pre_tokenizer: Object.keys(CUTS) }),
  masks: ({ files }) => files.map((name) => {
    const bytes = new Uint8Array(readFileSync(join(folder, name)));
    const before = bytes.slice();
    const found = feedMasks(bytes);
    return { found, changed: bytes.reduce((count, byte, at) => count + (byte !== before[at]), 0) };
  }),
  read: async ({ folder: where, text, pair = "", without, place = null }) => {
    const { engine, bundle } = await open(where);
    const read = await engine.read(text, pair, without);
    const asked = ask(bundle, read, place);
    const { reading } = asked;
    return { answer: TASKS[bundle.task].show(bundle, read, asked), place: asked.place, notices: payloads.noticesOf(reading, bundle), maps: payloads.mapsOfReading(bundle, reading, engine.canAblate, asked.place), first: payloads.firstHead(reading), logits: reading.logits, shorter: withoutMostSeen(reading) };
  },
  occlusion: async ({ target, way, room, ...given }) => {
    const { engine, asked: { bundle, reading }, answers } = await openAnswered(given);
    return occlusion(answers, bundle, reading, target, { way, mask: engine.maskId, room });
  },
  heads: async ({ target, room, ...given }) => {
    const { asked: { bundle, reading }, answers } = await openAnswered(given);
    return headEffects(answers, bundle, reading, target, { room });
  },
  // What an analysis plans on a machine whose runs take so long, one text of 10 tokens each.
  pace: async ({ seconds, layers, heads, words, tokens }) => {
    let now = 0;
    const [pace, times] = [paceOf(), [...seconds]];
    const scores = async () => ((now += 1000 * times.shift()), [{}]);
    const ask_ = asking({ scores, bundle: { sizes: { layers, heads, hidden: 1e6 }, task: "tag" }, pace, clock: () => now });
    const text = { ids: range(10), segments: [], held: [], tokens: range(10), question: { scores: () => 1 } };
    const found = await ask_(times.map(() => text)); // nobody is told how far it is
    const room = pace.textsWithin(tokens);
    const plain_ = { piece: "a", text: "a", special: false, continues: false, segment: 0 };
    return { found: found.length, pace: pace.seconds(), room, heads: textsOfHeads({ layers, heads, without: [] }, room), words: textsOfOcclusion({ tokens: range(words).map(() => plain_) }, room) };
  },
  compare: async ({ sides, label }) => {
    const [first, second] = await Promise.all(sides.map((side) => openAnswered({ ...side, answers: [] })));
    return compare(first.asked, second.asked, label);
  },
  files: async ({ text, state, kinds }) => {
    const { engine, bundle } = await open();
    const data = payloads.mapsOfReading(bundle, ask(bundle, await engine.read(text)).reading, true);
    return Promise.all(kinds.map(async (kind) => {
      const { bytes, ...file } = await keptMap(data, state, kind);
      return { ...file, content: Buffer.from(bytes).toString("base64") };
    }));
  },
  // All of a task that is read here: what its analyses find, of a place, for the first label.
  analyses: async ({ folder: where, text, pair, other, place = null }) => {
    const { engine, bundle } = await open(where);
    const [first, second] = await Promise.all([text, other].map((one) => engine.read(one, pair)));
    const asked = ask(bundle, first, place);
    const { follow } = TASKS[bundle.task];
    const [answers, target] = [asking({ scores: engine.scores, bundle }), { label: 0, other: null }];
    const words = (way) => occlusion(answers, asked.bundle, asked.reading, target, { way, mask: engine.maskId, room: 99 });
    return {
      deleted: await words("deleted"), masked: await words("masked"), heads: await headEffects(answers, asked.bundle, asked.reading, target, { room: 99 }),
      compare: compare(asked, ask(bundle, second, asked.place === null ? null : follow(first, asked.place, second)), null),
    };
  },
  refused: async ({ folder: where, text, pair, place = null }) => {
    const { engine, bundle } = await open(where);
    try {
      return ask(bundle, await engine.read(text, pair), place).place;
    } catch (error) {
      return error.message;
    }
  },
  write: async ({ text, settings: given }) => {
    const { engine, bundle } = await open();
    const settings = checkedSettings(given);
    const generation = { steps: [], settings };
    for await (const { from, steps, ...state } of engine.write(text, settings)) {
      generation.steps.splice(from, Infinity, ...steps);
      Object.assign(generation, state);
    }
    return { notices: payloads.writeNoticesOf(generation, bundle), written: payloads.writtenOf(bundle, generation, false), maps: payloads.mapsOfGeneration(bundle, generation, false), first: payloads.firstCrossHead(bundle, generation) };
  },
  said: ({ manifest: given }) => ({ promise: wording.promiseOf(given), facts: wording.factsOf(given), title: wording.bundleOf(given).title, examples: payloads.examplesOf(given.examples), about: wording.aboutOf(given), wanted: wording.wantedOf(given), most: wording.bundleOf(given).most_tokens, panels: wording.PANELS, settings: wording.SETTINGS }),
  checks: ({ text, fields }) => [() => checkedTexts(text), () => chosenSettings(fields, {})].map((check) => {
    try {
      return check();
    } catch (error) {
      return error.message;
    }
  }),
  // Whether a page's worker is installed where the host gives `listed` as page.json, which of the `kept`
  // caches stay when it begins, and what that page itself opens.
  caches: async ({ script, address, base, version, kept, listed }) => {
    const [stay, on, asked] = [new Set(kept), {}, []];
    const open = async (name) => ({ name, addAll: async (files) => asked.push(...files), match: async () => new Response(listed) });
    globalThis.caches = { keys: async () => [...stay], delete: async (name) => stay.delete(name), open };
    const self = { addEventListener: (name, call) => (on[name] = call), clients: { claim: async () => {} }, skipWaiting: async () => {} };
    const Request = function (name) { this.name = name; };
    new Function("self", "caches", "location", "Request", readFileSync(script, "utf8").replace('"VERSION"', JSON.stringify(version)))(self, globalThis.caches, new URL(address), Request);
    const done = (name) => new Promise((yes) => on[name]({ waitUntil: (promise) => yes(promise.then(() => true, () => false)) }));
    const installed = await done("install");
    await done("activate");
    return { installed, stay: [...stay], opened: (await openStore(base, version)).name };
  },
  // Files of a host that answers while `answers` says so, kept in a store that has room or none.
  store: async ({ sums, contents, full, answers: steps }) => {
    const [base, kept, asked] = ["http://host.test/", new Map(), []];
    const put = async (url, answer) => (full ? Promise.reject(new Error("full")) : kept.set(url, answer));
    const { file, kept: isKept } = openFiles({ base, sums, store: { put, match: async (url) => kept.get(url)?.clone() } });
    const found = [];
    for (const [online, names] of steps) {
      globalThis.fetch = async (url) => {
        if (!online) throw new TypeError("Failed to fetch");
        asked.push(url.slice(base.length));
        return new Response(contents[url.slice(base.length)]);
      };
      found.push(await Promise.all(names.map((name) => file(name).then((bytes) => new TextDecoder().decode(bytes), ({ message, unanswered = false }) => [unanswered, message]))));
    }
    return { found, asked, kept: await isKept(), each: await Promise.all(Object.keys(sums).map((name) => isKept([name]))) };
  },
  kept: ({ tasks, given }) => given.map((one) => wording.keptOf({ tasks }, one)),
  bounds: () => ({ bounds: BOUNDS, first: FIRST, views: VIEWS }),
  link: ({ fragment, bundle, canAblate }) => {
    try {
      return readLink(fragment, { bundle, views: VIEWS, canAblate });
    } catch (error) {
      return { error: error.message };
    }
  },
};

const found = [];
for (const { ask: name, ...given } of JSON.parse(readFileSync(0, "utf8"))) found.push(plain(await answers[name](given)));
process.stdout.write(JSON.stringify(found));
