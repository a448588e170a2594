// Writes greedily with transformers.js as its users do, from a bundle on this disk.
//
//     echo '[[5, 17, 30], [8, 9]]' | node generate.mjs FOLDER q8 '{"max_new_tokens": 12}'
//
// Takes the token ids of prompts, or of sources where the model has an encoder; the second argument
// is transformers.js' dtype: fp32, or q8 for 8 bit; the third has settings of generate, in place of
// those in generation_config.json. Prints {"version", "results": [{"ids", "outputs"}, ...]}: `ids` as generate gives them, what was
// there before included, and the names of what the model gives in one run.

import { basename, dirname, resolve } from "node:path";
import { text as read } from "node:stream/consumers";
import {
  AutoConfig,
  AutoModelForCausalLM,
  AutoModelForSeq2SeqLM,
  Tensor,
  env,
} from "@huggingface/transformers";

// The answer owns stdout.
console.log = console.info = console.debug = console.warn = console.error;
const [folder, dtype, settings = "{}"] = process.argv.slice(2);
env.allowRemoteModels = false;
env.localModelPath = dirname(resolve(folder));
const name = basename(resolve(folder));
const { is_encoder_decoder } = await AutoConfig.from_pretrained(name);
const auto = is_encoder_decoder ? AutoModelForSeq2SeqLM : AutoModelForCausalLM;
const model = await auto.from_pretrained(name, { dtype });

const results = [];
for (const ids of JSON.parse(await read(process.stdin))) {
  const shape = [1, ids.length];
  const input_ids = new Tensor("int64", BigInt64Array.from(ids, BigInt), shape);
  const attention_mask = new Tensor("int64", new BigInt64Array(ids.length).fill(1n), shape);
  const given = { input_ids, attention_mask };
  const written = await model.generate({
    ...given,
    max_length: null,
    do_sample: false,
    num_beams: 1,
    ...JSON.parse(settings),
  });
  const start = new Tensor("int64", BigInt64Array.of(0n), [1, 1]);
  const outputs = await model(is_encoder_decoder ? { ...given, decoder_input_ids: start } : given);
  results.push({ ids: written.tolist()[0].map(Number), outputs: Object.keys(outputs) });
}
process.stdout.write(JSON.stringify({ version: env.version, results }));
