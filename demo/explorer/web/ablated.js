// One line on the heads that are ablated; nothing while all are in.
const { make, root, show } = library;

const byLayer = (pairs, heads) => {
  const layers = [...new Set(pairs.map(([layer]) => layer))].sort((a, b) => a - b);
  return layers
    .map((layer) => {
      const those = pairs.filter((pair) => pair[0] === layer).map((pair) => pair[1]);
      if (those.length === heads) return `layer ${layer}: all`;
      return `layer ${layer}: ${those.sort((a, b) => a - b).join(", ")}`;
    })
    .join(" · ");
};

root.setAttribute("role", "status");
show(({ without, heads }) => {
  if (!without.length) return root.replaceChildren();
  const many = without.length === 1 ? "1 head is ablated" : `${without.length} heads are ablated`;
  const back = make("button", { className: "plain-button", text: "Put all heads back", attributes: { type: "button" } });
  back.addEventListener("click", () => trigger("ablate", { without: [] }));
  root.replaceChildren(
    make("p", { className: "notice" }, [
      make("strong", { text: many }),
      ` (${byLayer(without, heads)}). Answer, maps and analyses are without ${without.length === 1 ? "it" : "them"}, also for the next text. `,
      back,
    ]),
  );
});
