// A page of one text: the page's own widgets, without a server. What they show came with it.
(() => {
  const { make, bdi, mount } = window.attentionMaps;
  const kept = window.keptText;
  const LONG = 400;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const follow = () => document.body.classList.toggle("dark", dark.matches);
  dark.addEventListener("change", follow);
  follow();

  // Where a widget stands, as gradio lays it out.
  const place = (name, id = name) => {
    const root = make("div", { className: "widget" });
    const element = make("section", { className: `${name}-widget`, attributes: { id } }, [make("div", { className: "html-container" }, [root])]);
    return { element, root };
  };
  window.attentionTables = { buttons: () => [] };
  const draw = ([name, value]) => {
    const { element } = place(name);
    const widget = window.keptWidgets[name] ?? window.keptWidgets.small;
    widget({ element, props: { value }, watch: () => {}, trigger: () => {}, drawn: name });
    return element;
  };

  const told = ({ name, text }) =>
    text.length > LONG
      ? make("details", { className: "text" }, [make("summary", { text: name }), bdi(text)])
      : make("p", { className: "text" }, [make("strong", { text: `${name}: ` }), bdi(text)]);
  const maps = place("maps", "written" in kept.above ? "write_map_view" : "map_view");
  const above = make("div", { className: "above" });
  document.querySelector("main").replaceChildren(make("h1", { text: "Attention of a text" }), ...kept.texts.map(told), above, maps.element, ...Object.entries(kept.below).map(draw));
  for (const card of Object.entries(kept.above)) above.append(draw(card));

  const change = (state) => maps.element.dispatchEvent(new CustomEvent("maps-state", { bubbles: true, detail: state }));
  const view = mount(maps.root, kept.maps, { state: kept.state, on: { change } });
  maps.element.addEventListener("maps-set", ({ detail }) => view.set(detail));
  view.ready.then(() => kept.parts.forEach(view.add));
})();
