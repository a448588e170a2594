// The files of a page, fetched once: each is held to the sha256 that was told for it, and kept by the
// browser, so that the page opens again without a network.

const TYPES = { json: "application/json", wasm: "application/wasm" };

const digest = async (bytes) => [...new Uint8Array(await crypto.subtle.digest("SHA-256", bytes))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

// `told` hears how many bytes have come.
const download = async (url, told) => {
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

// The browser's cache of one version of the page at `base`, or null where there is none. sw.js calls it
// the same: other pages of the host have their own.
export const openStore = async (base, version) => (await globalThis.caches?.open(`${new URL(base).pathname} ${version}`).catch(() => null)) ?? null;

// Gives a file's bytes by its name. `store` is a cache of the browser's, or null; `told(name, bytes)`
// hears of progress. Without crypto, on a page over plain http, nothing is checked: who can change a
// file there can change this script too.
export const openFiles = ({ base, sums, store = null, told = () => {} }) => {
  const isRight = async (name, bytes) => !globalThis.crypto?.subtle || (await digest(bytes)) === sums[name];
  return async (name) => {
    if (!Object.hasOwn(sums, name)) throw new Error(`There is no file ${name} in this page's list.`);
    const url = new URL(name.split("/").map(encodeURIComponent).join("/"), base).href;
    const kept = await store?.match(url);
    const before = kept && new Uint8Array(await kept.arrayBuffer());
    if (before && (await isRight(name, before))) return before;
    const bytes = await download(url, (size) => told(name, size));
    if (!(await isRight(name, bytes))) throw new Error(`${name} came with ${bytes.length.toLocaleString("en")} bytes and another sha256 than the ${sums[name].slice(0, 12)}… that is listed: it was cut off or changed. Load the page again.`);
    const headers = { "Content-Type": TYPES[name.split(".").pop()] ?? "application/octet-stream" };
    store?.put(url, new Response(bytes.slice(), { headers })).catch(() => {}); // no room: the page works all the same
    return bytes;
  };
};
