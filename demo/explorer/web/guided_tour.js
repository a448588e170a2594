// A tour of the page in a few steps, on the examples of the model that is chosen. It moves the page's
// own controls and says what is to be seen. Which steps a model has is told by the server; which
// head, word or token one is about is found on the page.
window.attentionTour = (() => {
  const { make } = window.attentionMaps;
  const find = (selector) => document.querySelector(selector);
  const all = (selector) => [...document.querySelectorAll(selector)];
  const openTab = (name) => find(`#${name}_tab-button[aria-selected="false"]`)?.click();
  const textOf = (selector) => find(selector)?.innerText.trim() ?? "";
  const largest = (items, sizeOf) => items.reduce((best, item) => (sizeOf(item) > sizeOf(best) ? item : best), items[0]);

  const PATIENCE = 20000; // milliseconds: a busy server has others to serve
  const LATE = "This has not come yet. Wait, go on, or end the tour.";
  // What `test` gives once it gives something; nothing after a while, or once the step was left.
  const until = async (test, left) => {
    for (const start = Date.now(); Date.now() - start < PATIENCE && !left(); ) {
      const found = test();
      if (found) return found;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return null;
  };

  // ---- What stands in each step, and what is done for it. `go` gives what was found, in words.

  // What a reader had written before a step put an example there: it comes back at the end.
  const TEXTS = ["#text textarea", "#text_pair textarea"];
  let own = null;
  const giveBack = async () => {
    const given = own;
    if (!given) return;
    const back = () => textOf("#ablated") === given.ablated;
    // What is read is read with the heads that are ablated then.
    if (!(await until(back, () => tour))) return;
    own = null;
    const boxes = TEXTS.map(find);
    if (boxes.every((box, place) => (box?.value ?? "") === given.texts[place])) return;
    boxes.forEach((box, place) => {
      if (!box) return;
      box.value = given.texts[place];
      box.dispatchEvent(new Event("input", { bubbles: true }));
    });
    if (!given.texts[0].trim()) return;
    await new Promise((resolve) => setTimeout(resolve, 100)); // until gradio knows of it
    find("#text button.submit-button")?.click();
  };

  const readFirstExample = async (left) => {
    openTab("classify");
    openTab("maps");
    const example = find("#examples .example");
    if (example && find("#text textarea").value !== example.title.split(" + ")[0]) {
      own ??= { texts: TEXTS.map((box) => find(box)?.value ?? ""), ablated: textOf("#ablated") };
      let read = false;
      document.addEventListener("maps-state", () => (read = true), { once: true });
      example.click();
      await until(() => read, left);
    }
    return until(() => all("#map_view .tile[data-type]:not([data-type=''])").length > 0, left);
  };

  const JOBS = ["previous word", "next word", "same word", "other text", "itself", "punctuation"];
  const scoreOf = (tile) => Number(tile.title.match(/, >?([\d.]+)% of its attention/)?.[1] ?? 0);
  const headWithJob = () => {
    const single = all("#map_view .tile:not(.mean)").filter(({ dataset }) => dataset.type && !["focused", "broad", "mixed"].includes(dataset.type));
    const plain = single.filter(({ dataset }) => JOBS.includes(dataset.type));
    return largest(plain.length ? plain : single, scoreOf);
  };

  const run = async (name, left) => {
    await until(() => find(`#${name}_start`) && /^Reads /.test(textOf(`#${name}_cost`)), left);
    if (left()) return null;
    if (!find(`#${name}_result .save-table`)) find(`#${name}_start`)?.click();
    return until(() => find(`#${name}_result .save-table`), left);
  };

  const answered = () => textOf("#answer .bar.first").replace(/\s*\n\s*/, " ");
  let putBack = null;

  const STEPS = {
    map: {
      title: "What a map is",
      at: "#map_view .right",
      text: "A map is what one attention head did with the sentence. Each row is a word, its columns are the words that it attends to, and every row adds up to 100%. Point at a cell, or walk through it with the arrow keys, to read its number.",
      go: async (left) => ((await readFirstExample(left)) ? textOf("#map_view .looks-at") : null),
    },
    head: {
      title: "A head with a job",
      at: "#map_view .heads-card",
      text: "All heads stand side by side, each with its map in small. Some do one thing in every sentence; the buttons below the small maps say which kinds there are here.",
      go: async (left) => {
        if (!(await readFirstExample(left))) return null;
        const tile = headWithJob();
        if (!tile) return "In this sentence no head does one thing alone: all are mixed, broad, or focused on words of no one kind.";
        tile.click();
        return `${tile.title}. Its map is now the large one.`;
      },
    },
    disagreement: {
      title: "Where attention and effect disagree",
      at: "#occlusion_result",
      text: "Much attention does not mean that a word mattered. Here every word was removed in turn and the model asked again: colour and number tell what the word did, the line below it how much attention it gets.",
      go: async (left) => {
        await readFirstExample(left);
        openTab("mattered");
        if (!(await run("occlusion", left))) return null;
        return textOf("#occlusion_result .plain-list li") || "In this sentence the two disagree on no word.";
      },
    },
    ablation: {
      title: "A head left out",
      at: "#head_effects_result",
      text: "Every head was ablated in turn. Most can go and nothing happens, since others do their work.",
      go: async (left) => {
        await readFirstExample(left);
        openTab("which_heads");
        if (!(await run("head_effects", left))) return null;
        const cell = largest(all("#head_effects_result .cell.measured:not([data-head='all'])"), (one) => Number(one.style.getPropertyValue("--ink-share")));
        if (!cell || cell.classList.contains("out")) return "";
        const [before, ablated] = [answered(), textOf("#ablated")];
        cell.click();
        putBack = () => (cell.isConnected ? cell.classList.contains("out") && cell.click() : find("#ablated .plain-button")?.click());
        await until(() => textOf("#ablated") !== ablated, left);
        await new Promise((resolve) => setTimeout(resolve, 100)); // the answer comes along with it
        return `${cell.title}. It is ablated now: the answer was ${before}, and is ${answered()}. It comes back with the next step.`;
      },
    },
    writing: {
      title: "A word written, and where it looked",
      at: "#written",
      text: "A decoder writes token by token. For the token that is chosen there stand the likeliest words at its place, and below, what it attended to in the text that it was given.",
      go: async (left) => {
        openTab("write");
        openTab("write_maps");
        if (!(await until(() => find("#written .done") && find("#write_map_view .looks-at b"), left))) return null;
        return textOf("#write_map_view .looks-at");
      },
    },
  };

  // ---- The card at the foot of the window.

  let tour = null;

  const end = () => {
    if (!tour) return;
    tour.turn += 1;
    putBack?.();
    putBack = null;
    all(".tour-here").forEach((node) => node.classList.remove("tour-here"));
    document.removeEventListener("keydown", tour.keys);
    document.body.classList.remove("touring");
    tour.card.remove();
    tour.start.focus();
    tour = null;
    giveBack();
  };

  const show = async (place) => {
    const turn = ++tour.turn;
    const left = () => !tour || tour.turn !== turn;
    putBack?.();
    putBack = null;
    tour.place = place;
    const { title, text, at, go } = STEPS[tour.steps[place]];
    const { heading, told, found, back, next } = tour.parts;
    heading.textContent = tour.steps.length === 1 ? title : `${place + 1} of ${tour.steps.length}: ${title}`;
    told.textContent = text;
    found.textContent = "…";
    back.disabled = place === 0;
    next.textContent = place === tour.steps.length - 1 ? "Done" : "Next";
    all(".tour-here").forEach((node) => node.classList.remove("tour-here"));
    const sentence = await go(left);
    if (left()) return;
    found.textContent = sentence ?? LATE;
    const target = find(at);
    target?.classList.add("tour-here");
    target?.scrollIntoView({ block: "start" });
  };

  const begin = (steps, start) => {
    end();
    const button = (text, press, className = "plain-button") => {
      const node = make("button", { className, text, attributes: { type: "button" } });
      node.addEventListener("click", press);
      return node;
    };
    const parts = {
      heading: make("h2"),
      told: make("p"),
      found: make("p", { className: "found" }),
      back: button("Back", () => show(tour.place - 1)),
      next: button("Next", () => (tour.place === steps.length - 1 ? end() : show(tour.place + 1)), "plain-button next"),
      leave: button("End the tour", end),
    };
    const said = make("div", { attributes: { "aria-live": "polite" } }, [parts.heading, parts.told, parts.found]);
    const more = steps.length === 1 ? [] : [parts.back, parts.leave];
    const buttons = make("div", { className: "tour-buttons" }, [parts.next, ...more]);
    const card = make("div", { className: "widget tour-card", attributes: { role: "dialog", "aria-label": "Tour of the page" } }, [said, buttons]);
    const keys = (event) => event.key === "Escape" && !event.defaultPrevented && end();
    tour = { steps, start, parts, card, keys, place: 0, turn: 0 };
    document.addEventListener("keydown", keys);
    document.body.classList.add("touring");
    find(".gradio-container").append(card);
    parts.next.focus({ preventScroll: true });
    show(0);
  };

  // The button that begins it. Another model has other steps.
  const offer = (root, steps) => {
    end();
    const count = steps.length === 1 ? "" : `: ${steps.length} steps`;
    const start = make("button", { className: "plain-button", text: `Take a tour${count}`, attributes: { type: "button" } });
    start.addEventListener("click", () => begin(steps, start));
    root.replaceChildren(...(steps.length ? [start] : []));
  };

  return { offer };
})();
