// The widget of maps/ on this page: what it asks for goes to the server. Others on the page hear of
// its state by an event `maps-state`, and change it by `maps-set`.
const { root, show } = library;

let view = null;
let data = null;
const block = element.closest("[id$=map_view]");
const on = {
  ask: (missing) => trigger("ask", missing),
  ablate: (heads) => trigger("ablate", heads),
  keep: (wanted) => trigger("keep", wanted),
  keepsPage: true,
  change: (state) => {
    block.onScreen = { of: data.of, without: data.without || [], state }; // for a link to it
    element.dispatchEvent(new CustomEvent("maps-state", { bubbles: true, detail: state }));
  },
};

show((value) => {
  if (!value.layers) {
    view = block.onScreen = null;
    return root.replaceChildren();
  }
  data = value;
  if (view) return view.update(value);
  view = window.attentionMaps.mount(root, value, { on });
});
block.addEventListener("maps-part", ({ detail }) => view?.add(detail));
block.addEventListener("maps-set", ({ detail }) => view?.set(detail));
