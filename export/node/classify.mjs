// Classifies with transformers.js as its users do, from a bundle on this disk.
//
//     echo '["Not bad at all.", ["A text", "and its pair"]]' | node classify.mjs FOLDER q8
//
// The second argument is transformers.js' dtype: fp32 opens onnx/model.onnx, q8 (8 bit)
// onnx/model_quantized.onnx. Prints {"version", "results": [{"answers", "logits", "others"}, ...]}:
// `answers` is what the pipeline says of a text (it takes no pairs), `logits` and `others` are what
// the model gives, `others` in the graph's order: hidden states, maps, value norms.

import { basename, dirname, resolve } from "node:path";
import { text as read } from "node:stream/consumers";
import { env, pipeline } from "@huggingface/transformers";

const [folder, dtype] = process.argv.slice(2);
env.allowRemoteModels = false;
env.localModelPath = dirname(resolve(folder));
const classify = await pipeline("text-classification", basename(resolve(folder)), { dtype });

const plain = ({ dims, data }) => ({ dims, data: [...data] });
const results = [];
for (const given of JSON.parse(await read(process.stdin))) {
  const [text, pair] = [given].flat();
  const answers = pair === undefined ? await classify(text, { top_k: null }) : null;
  const encoded = classify.tokenizer(text, { text_pair: pair ?? null });
  const { logits, attentions } = await classify.model(encoded);
  results.push({ answers, logits: plain(logits), others: attentions.map(plain) });
}
process.stdout.write(JSON.stringify({ version: env.version, results }));
