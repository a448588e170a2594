// Widgets of a few lines each, by their names: each draws one value.
const { make, bdi, hint, percent, root, chipStrip, signed, askedAbout, cleanSentence } = library;

const exampleButton = (example, index) => {
  const text = example.text_pair ? `${example.text} + ${example.text_pair}` : example.text;
  const button = make("button", { className: "example", text, attributes: { type: "button", title: text } });
  button.addEventListener("click", () => trigger("choose", { index }));
  return button;
};

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

const small = {
  about: (lines) => root.replaceChildren(...lines.map(hint)),

  tour: ({ steps }) => window.attentionTour.offer(root, steps),

  // What the page's words mean; from here on they have their notes.
  glossary: () => {
    root.replaceChildren(window.attentionTerms.list());
    window.attentionTerms.begin();
  },

  examples: (examples) =>
    root.replaceChildren(
      ...(examples.length ? [hint("Or choose an example")] : []),
      make("div", { className: "examples" }, examples.map(exampleButton)),
    ),

  // The style follows `tabs`: only those that the model has are seen.
  facts: ({ title, tabs, facts }) => {
    root.dataset.tabs = tabs.join(" ");
    const spans = facts.map((fact) => make("span", { text: fact }));
    root.replaceChildren(make("p", { className: "facts" }, [make("strong", { text: title }), ...spans]));
  },

  notice: ({ error, lines }) =>
    root.replaceChildren(...lines.map((text) => make("p", { className: error ? "notice error" : "notice", text }))),

  // What an analysis will take, how far it is, or why it cannot be done.
  cost: ({ text, error, share }) => {
    const line = make("p", { className: error ? "cost error" : "cost", text: error ?? text ?? "", attributes: { role: "status" } });
    const bar = make("div", { className: "progress", attributes: { "aria-hidden": "true" } }, [
      make("span", { style: { width: `${100 * (share ?? 0)}%` } }),
    ]);
    root.replaceChildren(line, ...(share === undefined ? [] : [bar]));
  },

  // The text with the words struck out without which the answer is another.
  smallest_flip: (value) => {
    if (!value.words) return root.replaceChildren();
    const found = value.removed !== null;
    const chips = value.words.map((text, index) => {
      const gone = found && value.removed.includes(index);
      return make(gone ? "del" : "span", { className: gone ? "chip gone" : "chip" }, [bdi(text)]);
    });
    const { label } = value;
    const [after, odds] = value.rather_than ? [value.changed_value, value.changed_between] : [value.changed[label], value.changed_log_odds[label]];
    root.replaceChildren(
      make("h2", { text: found ? "Words that hold the answer" : "No words found that hold the answer" }),
      make("p", { className: "found", text: value.sentence }),
      chipStrip("The text; words that go are struck out", chips, { tabindex: "0" }),
      hint(
        `${askedAbout(value)}: ${percent(value.value)} at first (log-odds ${signed(value.log_odds, 2)}), ` +
          `${percent(after)} (log-odds ${signed(odds, 2)}) ` +
          `${found ? "without the struck words" : "with all tried words gone"}.`,
      ),
    );
  },

  // Below a source: what was corrupted in it; nothing once a reader has written over it.
  corrupted: (mark) => root.replaceChildren(...(mark.sentence ? cleanSentence(mark) : [])),

  // The heads that are ablated; nothing while all are in.
  ablated: ({ without, heads }) => {
    root.setAttribute("role", "status");
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
  },
};
