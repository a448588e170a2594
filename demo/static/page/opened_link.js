// What a link says that was opened, by the rules of `explorer/ui/sharing/link.py`. Whoever opens one
// did not write it: nothing in it is trusted. What it says of maps, `fittingState` puts right.

const SWITCHES = ["words", "special_tokens", "by_norms", "log_scale"];
const KNOWN = ["text", "text_pair", "model", "tab", "view", "without", "layer", "head", ...SWITCHES, "looks_at", "direction", "chosen"];

const choice = (given, name, known) => {
  const value = given[name] ?? known[0];
  if (!known.includes(value)) throw new Error(`${name} is “${value.slice(0, 30)}” in this link; expected ${known.join(" or ")}.`);
  return value;
};
const number = (text) => (/^[0-9]{1,9}$/.test(text) ? Number(text) : text);

const headsOf = (text, { layers, heads }) => {
  if (!text) return [];
  const pairs = text.split("-").map((pair) => pair.split(".").map(number));
  const wrong = pairs.find(([layer, head, ...more]) => more.length || !(layer >= 1 && layer <= layers && head >= 1 && head <= heads));
  if (wrong) throw new Error(`The link ablates ${wrong.join(".").slice(0, 30)}; expected a layer from 1 to ${layers} and a head from 1 to ${heads}, such as 1.2.`);
  return pairs.filter(([layer, head], place) => pairs.findIndex((pair) => pair[0] === layer && pair[1] === head) === place);
};

// `fragment` is what stands behind the # of the address; `views` are the parts of each tab by name.
export const readLink = (fragment, { manifest, views, most }) => {
  if (fragment.length > most) throw new Error(`The link has more than ${most.toLocaleString("en")} characters; expected one that this page made, which has no more.`);
  const given = Object.create(null);
  for (const [name, value] of new URLSearchParams(fragment)) {
    if (!KNOWN.includes(name)) throw new Error(`There is no “${name.slice(0, 30)}” in a link; it has ${KNOWN.join(", ")}.`);
    if (name in given) throw new Error(`The link says ${name} twice; expected it once.`);
    given[name] = value;
  }
  if (given.model !== undefined && given.model !== manifest.title) throw new Error(`This link is of the model “${given.model.slice(0, 60)}”; this page has “${manifest.title}”.`);
  const tab = choice(given, "tab", Object.keys(views));
  const state = {};
  for (const name of ["layer", "head", "chosen"]) if (name in given) state[name] = number(given[name]);
  for (const name of SWITCHES) if (name in given) state[name] = choice(given, name, ["true", "false"]) === "true";
  for (const name of ["looks_at", "direction"]) if (name in given) state[name] = given[name];
  return { tab, view: choice(given, "view", views[tab]), text: given.text ?? "", text_pair: given.text_pair ?? "", without: headsOf(given.without, manifest.sizes), state };
};
