// Keeps this page's own files for use without a network; the model's are kept by model/files.js. It
// also sends the headers of an isolated page, where a host cannot.
const VERSION = "VERSION";
// Other pages of this host keep theirs: a cache is named by its page's path as well (model/files.js).
const SCOPE = `${new URL("./", location.href).pathname} `;
const OWN = SCOPE + VERSION;
const FILES = ["FILES"];
const HEADERS = {
  "Cross-Origin-Embedder-Policy": "require-corp",
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Resource-Policy": "cross-origin",
};

// As the host has them now: what the browser remembers of another version is no part of this one. Nor
// is what a host that fails, or has a newer page by now, gives in place of page.json: it would stay.
const keep = async () => {
  const cache = await caches.open(OWN);
  await cache.addAll(FILES.map((name) => new Request(name, { cache: "no-cache" })));
  const { version } = await (await cache.match("page.json")).json();
  if (version !== VERSION) throw new Error(`page.json is of version ${version}; expected ${VERSION}`);
  await self.skipWaiting();
};
self.addEventListener("install", (event) => event.waitUntil(keep()));

// Of another version of this page nothing stays.
const clean = async () => {
  for (const name of await caches.keys()) if (name.startsWith(SCOPE) && name !== OWN) await caches.delete(name);
  await self.clients.claim();
};
self.addEventListener("activate", (event) => event.waitUntil(clean()));

// The page has two addresses, and is kept by one.
const PAGES = ["./", "./index.html"].map((name) => new URL(name, location.href).pathname);
const keptAs = (request) => (request.mode === "navigate" && PAGES.includes(new URL(request.url).pathname) ? PAGES[0] : request);

const answer = async (request) => {
  const cache = await caches.open(OWN);
  const found = (await cache.match(keptAs(request))) ?? (await fetch(request));
  const headers = new Headers(found.headers);
  for (const [name, value] of Object.entries(HEADERS)) headers.set(name, value);
  return new Response(found.body, { status: found.status, statusText: found.statusText, headers });
};
self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method === "GET" && new URL(request.url).origin === location.origin) event.respondWith(answer(request));
});
