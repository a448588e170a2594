// What the page's widgets (`explorer/web`) know of the page that they stand in: the contract of
// gradio's HTML component, `element`, `props`, `watch` and `trigger`. widgets.js has them as functions.
import { keptMap } from "./map_files.js";
const { make, mount } = window.attentionMaps;

export const byId = (id) => document.getElementById(id);

// Where gradio lays out a widget: in place of the element that is there for it.
const place = (name, id) => {
  const root = make("div", { className: "widget" });
  const element = make("section", { className: `${name}-widget`, attributes: { id } }, [make("div", { className: "html-container" }, [root])]);
  byId(id).replaceWith(element);
  return { element, root };
};

// `set` gives it other properties; `events` are what it may ask for.
export const widget = (name, { id = name, props: first = {}, events = {} } = {}) => {
  const { element } = place(name, id);
  const [props, watchers] = [{ ...first }, []];
  const watch = (keys, call) => watchers.push([[keys].flat(), call]);
  const trigger = (event, data) => events[event]?.(data);
  (window.pageWidgets[name] ?? window.pageWidgets.small)({ element, props, watch, trigger, show: name });
  const set = (changes) => {
    Object.assign(props, changes);
    for (const [keys, call] of watchers) if (keys.some((key) => key in changes)) call();
  };
  return { element, set };
};

const save = ({ name, type, bytes }) => {
  const link = make("a", { attributes: { href: URL.createObjectURL(new Blob([bytes], { type })), download: name } });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
};

// The widget of maps; all of a text's maps are in this browser, so it asks for none.
export const mapsWidget = (id, on = {}) => {
  const { element, root } = place("maps", id);
  let [view, data] = [null, null];
  const change = (state) => {
    element.onScreen = { of: data.of, without: data.without || [], state }; // for a link to it
    element.dispatchEvent(new CustomEvent("maps-state", { bubbles: true, detail: state }));
  };
  element.addEventListener("maps-set", ({ detail }) => view?.set(detail));
  const show = (value) => {
    data = value;
    if (view) return view.update(value);
    view = mount(root, value, { on: { change, keep: async ({ kind, ...state }) => save(await keptMap(data, state, kind)), ...on } });
  };
  const clear = () => {
    view = element.onScreen = null;
    root.replaceChildren();
  };
  return { show, clear };
};

// Tabs of [id of their part without "_tab", name]; gives what opens one.
export const tabs = (id, parts, opened = () => {}) => {
  const bar = byId(id);
  const buttons = parts.map(([part, name]) => make("button", { text: name, attributes: { type: "button", role: "tab", id: `${part}_tab-button`, "aria-controls": `${part}_tab` } }));
  const open = (wanted) => {
    parts.forEach(([part], at) => {
      const chosen = part === wanted;
      buttons[at].setAttribute("aria-selected", chosen);
      buttons[at].classList.toggle("selected", chosen);
      buttons[at].tabIndex = chosen ? 0 : -1;
      byId(`${part}_tab`).hidden = !chosen;
    });
    opened(wanted);
  };
  buttons.forEach((button, at) => {
    button.addEventListener("click", () => open(parts[at][0]));
    button.addEventListener("keydown", ({ key }) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[key];
      if (!step) return;
      const next = (at + step + parts.length) % parts.length;
      open(parts[next][0]);
      buttons[next].focus();
    });
  });
  bar.replaceChildren(...buttons);
  bar.hidden = parts.length < 2;
  return open;
};

// Our own sentences with **strong** words and [links](https://…), as the Gradio page has them.
export const sentenceOf = (text) =>
  [...text.matchAll(/\*\*(.+?)\*\*|\[(.+?)\]\((https:[^)]+)\)|([^*[]+|.)/gs)].map(([, strong, name, href, plain]) =>
    strong ? make("strong", { text: strong }) : name ? make("a", { text: name, attributes: { href, target: "_blank", rel: "noopener noreferrer" } }) : plain,
  );
