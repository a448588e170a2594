// Runs one ONNX graph in onnxruntime-web, as often as it is asked to, with any named arrays.
//
//     node run.mjs GRAPH.onnx < requests > answers
//
// A message is one line of JSON and behind it the bytes of its arrays, little-endian, in the order
// in which the line lists them: {"arrays": [{"name", "type", "dims", "bytes"}, ...]}. Types are
// onnxruntime's: float32, int64, bool, ... The first answer, before any request, has no arrays; it
// says {"inputs"}. Then each request is one run, whose answer holds the graph's outputs or {"error"}.
// The process ends with its input. Whatever the runtime remarks goes to stderr.
//
// `export/runtime/other_runtimes.py` is the other side.

import { readFile } from "node:fs/promises";

// The answers own stdout; this must stand before the runtime is loaded.
console.log = console.info = console.debug = console.error;
const ort = await import("onnxruntime-web");

const ARRAYS = {
  float32: Float32Array,
  float64: Float64Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int8: Int8Array,
  uint8: Uint8Array,
  bool: Uint8Array,
};

function toTensor({ type, dims, bytes }, data) {
  const array = ARRAYS[type];
  if (!array) throw new Error(`arrays of type ${type} are not known here`);
  // A copy: Buffers share memory and may start anywhere, a typed array only at a multiple of its
  // size.
  const own = new Uint8Array(data).buffer;
  return new ort.Tensor(type, new array(own, 0, bytes / array.BYTES_PER_ELEMENT), dims);
}

function send(head, tensors = {}) {
  const arrays = Object.entries(tensors).map(([name, { type, dims, data }]) => ({
    name,
    type,
    dims: [...dims],
    bytes: data.byteLength,
  }));
  process.stdout.write(`${JSON.stringify({ ...head, arrays })}\n`);
  for (const { data } of Object.values(tensors)) {
    process.stdout.write(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
}

// Yields the arrays of each request as tensors by their names.
async function* requests(input) {
  const stream = input[Symbol.asyncIterator]();
  let held = Buffer.alloc(0);
  const more = async () => {
    const { value, done } = await stream.next();
    if (!done) held = held.length ? Buffer.concat([held, value]) : value;
    return !done;
  };
  const take = async (count) => {
    const taken = Buffer.alloc(count);
    for (let filled = 0; filled < count; ) {
      if (!held.length && !(await more())) throw new Error("a request is cut short");
      const copied = held.copy(taken, filled);
      filled += copied;
      held = held.subarray(copied);
    }
    return taken;
  };
  for (;;) {
    let end;
    while ((end = held.indexOf("\n")) < 0) if (!(await more())) return;
    const head = JSON.parse((await take(end + 1)).toString());
    const feeds = {};
    for (const entry of head.arrays) {
      feeds[entry.name] = toTensor(entry, await take(entry.bytes));
    }
    yield feeds;
  }
}

async function main(graph) {
  // One thread: a helper in a browser has no more unless its page is isolated from others.
  ort.env.wasm.numThreads = 1;
  // 2: warnings; the level of the runtime itself and that of its session.
  ort.env.logLevel = "warning";
  const session = await ort.InferenceSession.create(await readFile(graph), {
    executionProviders: ["wasm"],
    logSeverityLevel: 2,
  });
  send({ inputs: session.inputNames });
  for await (const feeds of requests(process.stdin)) {
    try {
      send({}, await session.run(feeds));
    } catch (error) {
      send({ error: String(error.message ?? error) });
    }
  }
}

try {
  await main(process.argv[2]);
} catch (error) {
  send({ error: String(error.message ?? error) });
  process.exitCode = 1;
}
