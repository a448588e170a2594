// The maps of a text as one widget: see README.md beside this file.
import { coloursOf } from "./canvas.js";
import { keepButtons, mapControls, noteLine } from "./controls.js";
import { make } from "./dom.js";
import { headsGrid } from "./grid.js";
import { largeMap } from "./large_map.js";
import { firstToken, largestOf, placeOf, range, scaleTop, viewOf } from "./maths.js";
import { openMaps } from "./source.js";
import { attentionOf, fittingState, sizesOf } from "./state.js";
import { rolloutCard, tokenStrips } from "./strips.js";
import { cautionOf, describeLook, describeMap, inOneSentence, mapNotes, nameOfMap } from "./wording.js";

const MANY = 200; // chips
const NOT_HERE = "This map is not in this page, which was made of a long text.";
const REDRAWN = ["words", "special_tokens", "looks_at", "direction"]; // the strips
const SMALL_ANEW = ["words", "special_tokens", "by_norms", "looks_at"];

// Calls when the page turns dark or light, as long as the widget is part of it.
const followColours = (widget, call) => {
  const scheme = matchMedia("(prefers-color-scheme: dark)");
  const follow = () => {
    if (widget.isConnected) return call();
    watched.disconnect();
    scheme.removeEventListener("change", follow);
  };
  const watched = new MutationObserver(follow);
  for (const node of [document.body, document.documentElement]) watched.observe(node, { attributeFilter: ["class", "data-theme"] });
  scheme.addEventListener("change", follow);
};

// What the parts are shown: a snapshot, made anew at each change.
const snapshot = (data, state, attentions) => {
  const attention = attentions[state.looks_at];
  const how = attention.howOf(state);
  const chosen = attention.chosen(state);
  const view = chosen && viewOf(...chosen);
  const side = state.direction === "from" ? how.queries : how.keys;
  const first = () => {
    if (state.direction === "from" && attention.queries === 0 && data.first !== null) return placeOf(side, data.first);
    return view ? firstToken(view) ?? -1 : -1;
  };
  const wanted = state.chosen === null ? first() : placeOf(side, state.chosen);
  const place = side.indexes.includes(wanted) ? wanted : (side.indexes[0] ?? -1);
  const most = view ? largestOf(view.weights) : 0;
  const top = view ? scaleTop(view.weights, view.columns, attention.ofOneText) : 1;
  return { data, state, attention, how, view, place, most, top, name: nameOfMap(state, attention) };
};

const chosenPiece = ({ state, how, place }) => (state.direction === "from" ? how.queries : how.keys).whole[place]?.places[0] ?? null;
const touches = (changes, names) => names.some((name) => changes.includes(name));

// The parts of the widget and where they stand; `hears` is told what a reader does.
const partsIn = (element, hears, on) => {
  const live = make("p", { className: "live", attributes: { "aria-live": "polite" } });
  const say = (text) => (live.textContent = text);
  const [strips, grid, controls] = [tokenStrips(hears), headsGrid({ ...hears, ablate: on.ablate }), mapControls(hears)];
  const [large, rollout] = [largeMap({ ...hears, say }), rolloutCard()];
  const [notes, caution] = [make("div", { className: "notes" }), make("div", { className: "caution" })];
  const [left, right] = [make("div", { className: "left" }, [grid.node, controls.node, notes, caution]), make("div", { className: "right" }, [large.node])];
  if (on.keep) large.node.append(keepButtons(hears.keep, on.keepsPage));
  const widget = make("div", { className: "widget attention-maps" }, [strips.node, make("div", { className: "columns" }, [left, right]), rollout.node, live]);
  widget.classList.toggle("alone", !on.ask);
  element.replaceChildren(widget);
  return { widget, strips, grid, controls, large, rollout, notes, caution, say };
};

// Draws the parts, each as seldom as may be.
const painterOf = ({ widget, strips, grid, controls, large, rollout, notes, caution }, alone) => {
  let shown = null;
  let drawn = 0;
  let seen = null; // asking the style sheet makes a page lay itself out
  const colours = () => (seen ??= coloursOf(widget));

  // Does something after the next picture, unless another one was begun.
  const later = (act) => {
    const turn = drawn;
    requestAnimationFrame(() => setTimeout(() => turn === drawn && widget.isConnected && act()));
  };
  const tellNotes = () => {
    const { view, state, attention, types } = shown;
    const type = types?.[attention.layers.indexOf(state.layer)]?.[state.head - 1];
    notes.replaceChildren(noteLine("", view ? mapNotes(view, state, attention, type) : alone ? [NOT_HERE] : []));
    caution.replaceChildren(noteLine("", cautionOf(attention)));
  };
  // Small pictures come after the large one, in a moment of their own.
  const drawSmall = () =>
    later(() => {
      shown = { ...shown, ...shown.attention.smallOf(shown.state) };
      grid.paint(shown, colours());
      tellNotes();
    });
  const drawStrips = (all) => {
    const follow = () => (all ? strips.draw(shown) : strips.update(shown));
    // Hundreds of chips take longer than the map: it comes first.
    if (!all && shown.how.keys.whole.length > MANY) later(follow);
    else follow();
  };

  // Draws what `changes` touch; without any, all of it. Gives what is shown: its state may be
  // fuller than the one that was asked for.
  const draw = (data, state, attentions, changes = null) => {
    const before = shown;
    drawn += 1;
    const small = before && before.attention === attentions[state.looks_at] && changes && !touches(changes, SMALL_ANEW) ? before : null;
    shown = { ...snapshot(data, state, attentions), tiles: small?.tiles, types: small?.types };
    // What was chosen for a reader stays when they go on to another head.
    if (shown.view && !data.busy && state.chosen === null) shown.state = { ...state, chosen: chosenPiece(shown) };
    controls.update(shown);
    drawStrips(!changes || touches(changes, REDRAWN));
    grid.update(shown);
    if (!before?.view || !changes || changes.some((name) => name !== "chosen")) large.draw(shown, colours());
    else large.update(shown);
    if (!changes || touches(changes, ["words", "special_tokens"])) rollout.draw(shown);
    tellNotes();
    if (!small?.tiles || touches(changes, ["log_scale"])) drawSmall();
    return shown;
  };

  let width = 0;
  new ResizeObserver(() => {
    if (!shown || !widget.isConnected || large.box.clientWidth === width) return;
    width = large.box.clientWidth;
    large.draw(shown, colours());
  }).observe(large.box);
  followColours(widget, () => {
    seen = null;
    if (!shown) return;
    large.draw(shown, colours());
    grid.paint(shown, colours());
  });
  return draw;
};

// Asks for what a state lacks, once for each part; `anew` forgets what was asked for.
const askerOf = (ask) => {
  let pending = "";
  const askFor = ({ data, state, attention }) => {
    const part = attention.missing(state);
    const key = JSON.stringify([data.reading, part, state.layer, state.head, state.words, state.special_tokens, state.by_norms, state.looks_at]);
    if (!part || !ask || key === pending) return;
    pending = key;
    attention.asked(state, part);
    ask({ ...state, part });
  };
  return { askFor, anew: () => (pending = "") };
};

// What a reader of a screen hears of a change.
const sentenceOf = ({ view, name, state, place, attention }, changes, alone) => {
  if (!view) return alone ? NOT_HERE : `${name} is on its way.`;
  if (place >= 0 && touches(changes, ["chosen", "direction"])) return inOneSentence(describeLook(view, state.direction, place));
  return describeMap(view, name, attention);
};

// Another direction between two texts begins at what the chosen token looked at most.
const withPartner = (changes, shown) => {
  if (!changes.direction || !shown?.view || changes.direction === shown.state.direction || shown.attention.ofOneText || "chosen" in changes) return changes;
  const best = describeLook(shown.view, shown.state.direction, shown.place).best[0];
  return { ...changes, chosen: best ? best.token.places[0] : null };
};

export const mount = (element, given, { state: asked = {}, on = {} } = {}) => {
  let data = given;
  let state = fittingState(asked, data);
  let attentions = null;
  let shown = null;
  let loading = 0;

  const choose = (changes) => set(changes, true);
  const step = (name, by) => {
    const { layers, heads } = sizesOf(data, attentionOf(data, state));
    const all = name === "layer" ? layers : range(heads).map((at) => at + 1);
    const now = typeof state[name] === "number" ? all.indexOf(state[name]) : by > 0 ? -1 : all.length;
    choose({ [name]: all[(now + by + all.length) % all.length] });
  };
  const keep = (kind) => on.keep({ ...state, kind });
  const parts = partsIn(element, { choose, step, keep }, on);
  const paint = painterOf(parts, !on.ask);
  const { askFor, anew } = askerOf(on.ask);
  const draw = (changes) => {
    shown = paint(data, state, attentions, changes);
    state = shown.state;
    askFor(shown);
  };

  const set = (changes, told = false) => {
    const before = state;
    state = fittingState({ ...state, ...withPartner(changes, shown) }, data);
    const changed = Object.keys(state).filter((name) => state[name] !== before[name]);
    if (!changed.length || !attentions || !parts.widget.isConnected) return;
    draw(changed);
    parts.say(sentenceOf(shown, changed, !on.ask));
    if (!told || !changed.includes("chosen")) parts.strips.reveal();
    on.change?.({ ...state });
  };

  const load = async (next) => {
    const turn = ++loading;
    const opened = await openMaps(next);
    if (turn !== loading || !parts.widget.isConnected) return;
    const same = attentions && data.text === next.text && (data.busy || !next.busy);
    [data, attentions] = [next, opened];
    anew();
    const kept = same || next === given ? state : { ...state, chosen: null };
    state = fittingState({ ...kept, ...next.begins }, data);
    draw();
    if (!same) parts.strips.reveal();
    on.change?.({ ...state });
  };

  // Parts that were asked for. What belongs to another text has come too late.
  const add = async (more) => {
    if (!attentions || more.reading !== data.reading) return;
    const turn = loading;
    await attentions[more.looks_at]?.give(more);
    if (turn !== loading || !parts.widget.isConnected) return;
    anew();
    const waited = !shown.view;
    draw([]);
    if (!waited || !shown.view) return;
    parts.strips.reveal();
    parts.say(sentenceOf(shown, [], !on.ask));
  };

  const ready = load(data);
  return { set, add, update: load, ready, get state() { return { ...state }; } };
};
