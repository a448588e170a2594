// The page of demo/static without a browser: reads questions as JSON and answers with what its
// widgets would show. Arguments: the folder of npm's packages, the folder of a bundle.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { feedMasks, openEngine } from "../../../demo/static/model/engine.js";
import { CHANGES, CUTS } from "../../../demo/static/model/pieces.js";
import { textEncoder } from "../../../demo/static/model/tokens.js";
import { asking, compare, headEffects, occlusion, withoutMostSeen } from "../../../demo/static/page/analyses.js";
import { readLink } from "../../../demo/static/page/opened_link.js";
import * as payloads from "../../../demo/static/page/payloads.js";
import * as wording from "../../../demo/static/page/wording.js";

console.log = console.info = console.debug = console.error; // the answers own stdout
const [packages, folder] = process.argv.slice(2);
const package_ = (name) => import(pathToFileURL(join(packages, name)).href);
const { Tokenizer } = await package_("@huggingface/tokenizers/dist/tokenizers.min.mjs");
const json = (name) => JSON.parse(readFileSync(name, "utf8"));
const plain = (value) => JSON.parse(JSON.stringify(value, (_, one) => (one instanceof Float32Array ? [...one] : one)));

let engine, manifest, bundle, ask;
const open = async () => {
  if (engine) return;
  const ort = await package_("onnxruntime-web/dist/ort.node.min.mjs");
  ort.env.wasm.numThreads = 1;
  manifest = json(join(folder, "bundle.json"));
  for (const graphs of Object.values(manifest.graphs)) if (graphs.float32) delete graphs["8bit"];
  bundle = { ...manifest, most_tokens: wording.mostTokens(manifest) };
  engine = await openEngine({ ort, Tokenizer, manifest, file: async (name) => new Uint8Array(readFileSync(join(folder, name))), most: bundle.most_tokens });
  ask = asking({ scores: engine.scores, sizes: manifest.sizes });
};

const answers = {
  tokens: ({ file, most, texts }) => {
    const { encode } = textEncoder(new Tokenizer(json(file), {}), most);
    return texts.map(([text, pair]) => encode(text, pair));
  },
  rules: () => ({ normalizer: Object.keys(CHANGES), pre_tokenizer: Object.keys(CUTS) }),
  masks: ({ files }) => files.map((name) => {
    const bytes = new Uint8Array(readFileSync(join(folder, name)));
    const before = bytes.slice();
    const found = feedMasks(bytes);
    return { found, changed: bytes.reduce((count, byte, at) => count + (byte !== before[at]), 0) };
  }),
  read: async ({ text, pair, without }) => {
    await open();
    const reading = await engine.read(text, pair, without);
    return { answer: payloads.answerOf(reading, bundle), notices: payloads.noticesOf(reading, bundle), maps: payloads.mapsOfReading(bundle, reading, engine.canAblate), first: payloads.firstHead(reading), logits: reading.logits, shorter: withoutMostSeen(reading) };
  },
  occlusion: async ({ text, pair, without, target, way, room }) => {
    await open();
    return occlusion(ask, bundle, await engine.read(text, pair, without), target, { way, mask: engine.mask, room });
  },
  heads: async ({ text, without, target, room }) => {
    await open();
    return headEffects(ask, bundle, await engine.read(text, "", without), target, { room });
  },
  compare: async ({ text, other, label }) => {
    await open();
    return compare(bundle, await engine.read(text), await engine.read(other), label);
  },
  write: async ({ text, most }) => {
    await open();
    const steps = [];
    for await (const step of engine.write(text, most)) steps.push(step);
    const generation = { steps, source: steps[0].source, start: steps[0].start };
    return { written: payloads.writtenOf(bundle, generation, false), maps: payloads.mapsOfGeneration(bundle, generation, false), first: payloads.firstCrossHead(bundle, generation) };
  },
  said: ({ manifest: given }) => ({ promise: wording.promiseOf(given), facts: wording.factsOf(given), about: wording.aboutOf(given), wanted: wording.wantedOf(given), most: wording.mostTokens(given), panels: wording.PANELS }),
  link: ({ fragment, manifest: given, views }) => {
    try {
      return readLink(fragment, { manifest: given, views, most: 2000 });
    } catch (error) {
      return { error: error.message };
    }
  },
};

const found = [];
for (const { ask: name, ...given } of JSON.parse(readFileSync(0, "utf8"))) found.push(plain(await answers[name](given)));
process.stdout.write(JSON.stringify(found));
