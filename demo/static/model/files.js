// The files of a page, fetched once: each is held to the sha256 that was told for it, and kept by the
// browser, so that the page opens again without a network.

const TYPES = { json: "application/json", wasm: "application/wasm" };

const digest = async (bytes) => [...new Uint8Array(await crypto.subtle.digest("SHA-256", bytes))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

// `told` hears how many bytes have come.
const received = async (url, told) => {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${url} cannot be had: the server says ${answer.status}. Load the page again.`);
  const [reader, parts] = [answer.body.getReader(), []];
  let size = 0;
  for (;;) {
    const { value, done } = await reader.read();
    if (done) break;
    parts.push(value);
    told((size += value.length));
  }
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
};

// The same. Throws a sentence; of one whose host does not answer, `unanswered` is true.
export const download = (url, told = () => {}) =>
  received(url, told).catch((error) => {
    if (!(error instanceof TypeError)) throw error; // fetch has no other for want of a network
    const said = `${url} is not kept in this browser, and its host does not answer. Connect to a network, and load the page again.`;
    throw Object.assign(new Error(said), { unanswered: true });
  });

// Those of a bundle's files that its decoder alone needs; none where it has none.
export const decoderFiles = ({ graphs: { generate } }) =>
  generate ? [(generate["8bit"] ?? generate.float32).file, ...["tokenizer.json", "tokenizer_config.json", "generation_config.json"].map((name) => `decoder/${name}`)] : [];

// The browser's cache of one version of the page at `base`, or null where there is none. sw.js calls it
// the same: other pages of the host have their own.
export const openStore = async (base, version) => (await globalThis.caches?.open(`${new URL(base).pathname} ${version}`).catch(() => null)) ?? null;

// Gives `file`, a file's bytes by its name, which are the caller's own, and `kept`: whether files, or
// all that were asked for, would be here without a network. `store` is a cache of the browser's, or
// null; `told(name, bytes)` hears of progress. Without crypto, on a page over plain http, nothing is
// checked: who can change a file there can change this script too.
export const openFiles = ({ base, sums, store = null, told = () => {} }) => {
  const [coming, kept] = [new Map(), new Map()]; // by name: a download, of which there is one, and whether it could be kept
  const urlOf = (name) => new URL(name.split("/").map(encodeURIComponent).join("/"), base).href;
  const isRight = async (name, bytes) => !globalThis.crypto?.subtle || (await digest(bytes)) === sums[name];
  const open = async (name) => {
    const url = urlOf(name);
    const found = await store?.match(url);
    const before = found && new Uint8Array(await found.arrayBuffer());
    if (before && (await isRight(name, before))) {
      kept.set(name, true);
      return before;
    }
    const bytes = await download(url, (size) => told(name, size));
    if (!(await isRight(name, bytes))) throw new Error(`${name} came with ${bytes.length.toLocaleString("en")} bytes and another sha256 than the ${sums[name].slice(0, 12)}… that is listed: it was cut off or changed. Load the page again.`);
    const headers = { "Content-Type": TYPES[name.split(".").pop()] ?? "application/octet-stream" };
    // Where there is no room the page works all the same.
    kept.set(name, Boolean(store) && store.put(url, new Response(bytes.slice(), { headers })).then(() => true, () => false));
    return bytes;
  };
  const file = async (name) => {
    if (!Object.hasOwn(sums, name)) throw new Error(`There is no file ${name} in this page's list.`);
    if (coming.has(name)) return (await coming.get(name)).slice();
    coming.set(name, open(name).finally(() => coming.delete(name)));
    return coming.get(name);
  };
  const isKept = async (name) => (await kept.get(name)) ?? Boolean(await store?.match(urlOf(name)));
  return { file, kept: async (names = [...kept.keys()]) => (await Promise.all(names.map(isKept))).every(Boolean) };
};
