// The text with the words struck out without which the answer is another.
show((value) => {
  if (!value.words) return root.replaceChildren();
  const found = value.removed !== null;
  const chips = value.words.map((text, index) => {
    const gone = found && value.removed.includes(index);
    const word = make(gone ? "del" : "span", { className: gone ? "chip gone" : "chip" }, [make("bdi", { text })]);
    return word;
  });
  root.replaceChildren(
    make("h2", { text: found ? "Words that hold the answer" : "No words found that hold the answer" }),
    make("p", { className: "found", text: value.sentence }),
    make("div", { className: "chips", attributes: { role: "group", "aria-label": "The text; words that go are struck out", tabindex: "0" } }, chips),
    make("p", { className: "hint", text: `${value.label}: ${percent(value.value)} at first (log-odds ${signed(value.log_odds, 2)}), ${percent(value.changed[value.label])} (log-odds ${signed(value.changed_log_odds[value.label], 2)}) ${found ? "without the struck words" : "with all tried words gone"}.` }),
  );
});
