// The engine in a worker, so that the page stays smooth: a call by its name, and what it gives.
import * as ort from "../../library/ort.wasm.min.mjs";
import { Tokenizer } from "../../library/tokenizers.min.mjs";
import { openEngine } from "./engine.js";
import { openFiles, openStore } from "./files.js";

let [engine, files] = [null, null];
const UNANSWERED = "The decoder is not kept in this browser, and its host does not answer. Connect to a network, and open the Write tab again: from then on it is kept.";

// Large arrays move to the page; a copy of 512 tokens' maps would be 75 MB more.
const moved = (value) => [...new Set(["weights", "norms"].map((name) => value?.[name]?.buffer).filter(Boolean))];
const send = (message, value) => self.postMessage({ ...message, value }, moved(value));

const open = async (call, { manifest, folder, sums, most, base, version }) => {
  const store = await openStore(base, version);
  files = openFiles({ base, sums, store, told: (name, bytes) => self.postMessage({ progress: { name, bytes } }) });
  // One thread: a second one gains nothing where a reader's other programs run, and spins meanwhile.
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmPaths = new URL("library/", base).href;
  const graph = files.file("library/ort-wasm-simd-threaded.wasm").then((bytes) => (ort.env.wasm.wasmBinary = bytes));
  const inBundle = async (name) => {
    const [bytes] = await Promise.all([files.file(`${folder}${name}`), graph]);
    return bytes;
  };
  engine = await openEngine({ ort, Tokenizer, manifest, file: inBundle, most });
  const { mask, maskId, canAblate } = engine;
  return { mask, maskId, canAblate };
};

const stopped = new Set();
const calls = {
  open,
  read: (call, ...given) => engine.read(...given),
  scores: (call, ...given) => engine.scores(...given),
  openDecoder: () =>
    engine.openDecoder().catch((error) => {
      throw error.unanswered ? new Error(UNANSWERED) : error;
    }),
  kept: (call, names) => files.kept(names),
  write: async (call, ...given) => {
    for await (const state of engine.write(...given)) {
      self.postMessage({ call, value: state }, moved(state.source));
      // Lets a message in that says stop.
      await new Promise((resolve) => setTimeout(resolve));
      if (stopped.delete(call)) return;
    }
  },
};

const answer = async ({ call, name, given }) => {
  try {
    send({ call, done: true }, await calls[name](call, ...given));
  } catch (error) {
    self.postMessage({ call, done: true, error: String(error.message ?? error) });
  }
};
// One call after another, but for what waits for files: no text that is read waits with it.
const APART = ["openDecoder", "kept"];
let turn = Promise.resolve();
self.onmessage = ({ data }) => {
  if (data.stop) return stopped.add(data.stop);
  if (APART.includes(data.name)) return answer(data);
  turn = turn.then(() => answer(data));
};
