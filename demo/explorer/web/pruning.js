// The probability while heads go: a line, a slider along it, and the order as a table.
const { make, hint, percent, root, show, signed, askedAbout, scrollBox, one, together, soon } = library;

let value = null;

const WIDTH = 600;
const HEIGHT = 200;
const EDGE = { left: 62, right: 12, top: 12, bottom: 30 };
const svg = (tag, attributes = {}, text) => {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, given] of Object.entries(attributes)) node.setAttribute(name, given);
  if (text !== undefined) node.textContent = text;
  return node;
};

const written = (index) => (value.number ? value.values[index].toFixed(3) : `${percent(value.values[index])} (log-odds ${signed(value.log_odds[index], 2)})`);
const gone = (index) => value.order.slice(0, index).flat();
const group = (heads) => heads.map(one).join("; ");
const total = () => value.heads_gone[value.heads_gone.length - 1];

const scales = () => {
  const [low, high] = value.number ? [Math.min(...value.values), Math.max(...value.values)] : [0, 1];
  return {
    ticks: value.number ? [low, high] : [0, 0.5, 1],
    x: (heads) => EDGE.left + ((WIDTH - EDGE.left - EDGE.right) * heads) / Math.max(total(), 1),
    y: (number) => HEIGHT - EDGE.bottom - ((HEIGHT - EDGE.top - EDGE.bottom) * (number - low)) / Math.max(high - low, 1e-9),
  };
};

const curve = () => {
  const { x, y, ticks } = scales();
  const box = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": `${askedAbout(value)} by the number of heads that are gone. ${summary()}` });
  for (const tick of ticks) {
    box.append(svg("line", { class: "grid-line", x1: EDGE.left, x2: WIDTH - EDGE.right, y1: y(tick), y2: y(tick) }));
    box.append(svg("text", { x: EDGE.left - 6, y: y(tick) + 4, "text-anchor": "end" }, value.number ? tick.toFixed(2) : `${100 * tick}%`));
  }
  for (const heads of new Set([0, Math.round(total() / 2), total()])) {
    box.append(svg("text", { x: x(heads), y: HEIGHT - 10, "text-anchor": heads ? (heads === total() ? "end" : "middle") : "start" }, heads === total() ? `${heads} heads gone` : heads));
  }
  if (value.flip !== null) {
    const at = x(value.heads_gone[value.flip]);
    box.append(svg("line", { class: "flip-line", x1: at, x2: at, y1: EDGE.top, y2: HEIGHT - EDGE.bottom }));
  }
  box.append(svg("polyline", { class: "curve", points: value.values.map((number, index) => `${x(value.heads_gone[index])},${y(number)}`).join(" ") }));
  box.append(svg("circle", { class: "here", r: 5 }));
  return box;
};

const summary = () => {
  if (value.number) return `It is ${written(0)} at first, and ${written(value.values.length - 1)} with no head left.`;
  if (value.flip === null) return `The answer stays ${value.answers[0]} to the last: it does not need a single head.`;
  const last = value.heads_gone[value.flip - 1];
  return `The answer stays ${value.answers[0]} while ${last} of ${total()} heads go; with ${group(value.order[value.flip - 1])} it becomes ${value.answers[value.flip]}.`;
};

const plan = () => {
  const together = value.at_once > 1 ? `For want of time, up to ${value.at_once} neighbouring heads of a layer went together. ` : "";
  const often = value.every === null ? "The effects were measured once, before any head had gone" : value.every === 1 ? "The effects of all that stayed were measured again each time" : `The effects of all that stayed were measured again after every ${value.every} of them`;
  return `${together}${often}. The dashed line: here the answer becomes another.`;
};

const showPoint = (index) => {
  const { x, y } = scales();
  const here = root.querySelector(".here");
  here.setAttribute("cx", x(value.heads_gone[index]));
  here.setAttribute("cy", y(value.values[index]));
  const last = index ? `, the last of them ${group(value.order[index - 1])}` : "";
  const text = `${value.heads_gone[index]} of ${total()} heads gone${last}: ${askedAbout(value)} ${written(index)}`;
  root.querySelector(".point").textContent = `${text}${value.answers[index] && value.answers[index] !== value.answers[0] ? `; the answer is ${value.answers[index]}` : ""}.`;
  root.querySelector("input").setAttribute("aria-valuetext", text);
  const button = root.querySelector(".plain-button");
  button.disabled = !index;
  button.textContent = index ? `Ablate these ${value.heads_gone[index]} heads` : "Ablate these heads";
};

const table = () => {
  const cell = (tag, text) => make(tag, { text, attributes: tag === "th" ? { scope: "col" } : {} });
  const names = ["gone", "the last", askedAbout(value), ...(value.number ? [] : ["answer"])];
  const rows = value.values.map((_, index) =>
    make("tr", {}, [value.heads_gone[index], index ? group(value.order[index - 1]) : "", written(index), ...(value.number ? [] : [value.answers[index]])].map((text) => cell("td", text))),
  );
  return make("details", {}, [
    make("summary", { text: "The order in which they go" }),
    scrollBox("The order in which heads go", make("table", { className: "effects" }, [make("tr", {}, names.map((text) => cell("th", text))), ...rows])),
  ]);
};

root.addEventListener("input", ({ target }) => target.matches("input") && showPoint(Number(target.value)));
root.addEventListener("click", ({ target }) => {
  if (!target.matches(".plain-button")) return;
  const index = Number(root.querySelector("input").value);
  soon((asked) => trigger("ablate", asked), together(value.before, gone(index)));
});

show((given) => {
  value = given;
  if (!value.order.length) return root.replaceChildren(make("p", { text: "All heads are ablated already." }));
  const slider = make("input", { attributes: { type: "range", min: 0, max: value.order.length, step: 1, "aria-label": "How many are gone" } });
  slider.value = value.flip === null ? value.order.length : value.flip - 1;
  root.replaceChildren(
    make("h2", { text: "One head after another" }),
    make("p", { className: "summary", text: summary() }),
    curve(),
    slider,
    make("p", { className: "point", attributes: { role: "status" } }),
    make("button", { className: "plain-button", attributes: { type: "button" } }),
    hint(plan()),
    table(),
  );
  showPoint(Number(slider.value));
}, "order");
