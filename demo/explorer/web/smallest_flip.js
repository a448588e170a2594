// The text with the words struck out without which the answer is another.
show((value) => {
  if (!value.words) return root.replaceChildren();
  const chips = value.words.map(({ text, gone }) => {
    const word = make(gone ? "del" : "span", { className: gone ? "chip gone" : "chip" }, [make("bdi", { text })]);
    return word;
  });
  root.replaceChildren(
    make("h2", { text: value.found ? "Words that hold the answer" : "No words found that hold the answer" }),
    make("p", { className: "found", text: value.sentence }),
    make("div", { className: "chips", attributes: { role: "group", "aria-label": "The text; words that go are struck out", tabindex: "0" } }, chips),
    make("p", { className: "hint", text: `${value.label}: ${percent(value.before)} at first (log-odds ${signed(value.before_log_odds, 2)}), ${percent(value.after)} (log-odds ${signed(value.after_log_odds, 2)}) ${value.found ? "without the struck words" : "with all tried words gone"}.` }),
  );
});
