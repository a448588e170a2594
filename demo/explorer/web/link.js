// A link to what the page shows. It stands after the # of the page's own address, which browsers
// keep to themselves; `explorer/ui/sharing/link.py` checks one that is opened.
const { make, root } = library;
const { views, most } = props.value;

const isSeen = (id) => Boolean(document.querySelector(`#${id}`)?.offsetParent);

// The address, without what a host may have put into it for this visit alone.
const linkTo = (tab, { of: { model, text, text_pair, place, settings = {} }, without, state }) => {
  const view = views[tab].find((name) => isSeen(`${name}_tab`)) ?? views[tab][0];
  const fields = new URLSearchParams({ text, text_pair, model, tab, view, without: without.map((pair) => pair.join(".")).join("-"), place: place ?? "" });
  for (const [name, value] of Object.entries({ ...state, ...settings })) fields.set(name, value ?? "");
  for (const [name, value] of [...fields]) if (value === "") fields.delete(name);
  return `${location.origin}${location.pathname}#${fields}`;
};

const button = make("button", { className: "plain-button", text: "Copy link", attributes: { type: "button" } });
const status = make("p", { className: "hint", attributes: { role: "status" } });
root.replaceChildren(button, status);

const anew = (tab) => (tab === "write" ? " It has the source and the settings; the text is written anew." : "");
const copy = async () => {
  const tab = isSeen("write_tab") ? "write" : "classify";
  const shown = document.querySelector(tab === "write" ? "#write_map_view" : "#map_view")?.onScreen;
  if (!shown) return (status.textContent = "There is no answer to link to yet.");
  const address = linkTo(tab, shown);
  if (address.length > most) {
    status.textContent = `Not copied: this text is too long for a link. Its address would have ${address.length.toLocaleString("en")} characters, and what passes addresses on cuts them at ${most.toLocaleString("en")}. Below the map, the text can be kept as a page.`;
    return;
  }
  try {
    await navigator.clipboard.writeText(address);
    status.textContent = `Link copied, ${address.length.toLocaleString("en")} characters.${anew(tab)}`;
  } catch {
    // A browser that lets no page copy: the reader does.
    const field = make("input", { attributes: { readonly: "", "aria-label": "Link", value: address } });
    status.replaceChildren(`Copy it from here.${anew(tab)} `, field);
    field.select();
  }
};
button.addEventListener("click", copy);

// One character more than a link may have is enough to tell that it is too long.
const open = () => location.hash.length > 1 && trigger("restore", { fragment: location.hash.slice(1, most + 2) });
element.closest("#link").addEventListener("link-open", open);
window.addEventListener("hashchange", open);
