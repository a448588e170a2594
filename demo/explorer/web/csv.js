// What an analysis found, as a table that a reader keeps: a CSV file, made from what the widget was
// given. All analyses have theirs here, by the name of their widget; the columns are called as the
// endpoints call them.
window.attentionTables = (() => {
  const { make } = window.attentionMaps;

  // A spreadsheet takes a text that begins like this for a formula, and runs it.
  const FORMULA = /^\s*[=+\-@]|^[\t\r\n]/;
  const cell = (value) => {
    if (value === null || value === undefined) return "";
    if (typeof value !== "string") return String(value);
    const text = FORMULA.test(value) ? `'${value}` : value;
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const csv = (rows) => rows.map((row) => `${row.map(cell).join(",")}\r\n`).join("");

  const about = ({ label, rather_than, about: where }) => [label, rather_than, where];
  const ABOUT = ["label", "rather_than", "about"];
  const at = (list, ...places) => places.reduce((part, place) => part?.[place], list ?? null);
  const heads = (list) => list.map(([layer, head]) => `layer ${layer}, head ${head}`).join("; ");

  const rowsOf = {
    occlusion: (found) => [
      ["unit", "text", "effect", "log_odds_effect", "attention", "disagreement", ...ABOUT],
      ...found.sentences.map(({ words: [start, stop], effect, log_odds_effect }) =>
        ["sentence", found.words.slice(start, stop).join(" "), effect, log_odds_effect, null, null, ...about(found)]),
      ...found.words.map((word, place) =>
        ["word", word, found.effects[place], at(found.log_odds_effects, place), found.attention[place], found.disagreements[place], ...about(found)]),
    ],
    pairs: (found) => [
      ["word", "other", "interaction", "log_odds_interaction", "word_effect", "other_effect", ...ABOUT],
      ...found.words.flatMap((word, row) =>
        found.words.slice(row + 1).map((other, step) => {
          const column = row + 1 + step;
          const both = [found.interactions[row][column], at(found.log_odds_interactions, row, column)];
          return [word, other, ...both, found.effects[row], found.effects[column], ...about(found)];
        })),
    ],
    smallest_flip: (found) => [["word", "removed"], ...found.words.map((word, place) => [word, (found.removed ?? []).includes(place)])],
    trust: (found) => {
      const measures = Object.entries(Object.values(found.methods)[0]).filter(([, value]) => !Array.isArray(value)).map(([name]) => name);
      return [["ranking", ...measures], ...Object.entries(found.methods).map(([name, given]) => [name, ...measures.map((one) => given[one])])];
    },
    head_effects: (found) => [
      ["layer", "head", "effect", "log_odds_effect", "answer", ...ABOUT],
      ...found.effects.flatMap((row, layer) => [
        ...row.map((effect, head) => [layer + 1, head + 1, effect, at(found.log_odds_effects, layer, head), found.answers[layer][head], ...about(found)]),
        [layer + 1, "all", found.layer_effects[layer], at(found.layer_log_odds_effects, layer), found.layer_answers[layer], ...about(found)],
      ]),
    ],
    pruning: (found) => [
      ["heads_gone", "last", "value", "log_odds", "answer", ...ABOUT],
      ...found.values.map((value, point) =>
        [found.heads_gone[point], point ? heads(found.order[point - 1]) : "", value, at(found.log_odds, point), found.answers[point], ...about(found)]),
    ],
    compare: (found) =>
      found.moved && [["layer", "head", "moved"], ...found.moved.flatMap((row, layer) => row.map((moved, head) => [layer + 1, head + 1, moved]))],
    source_words: (found) => [
      ["token", "source_word", "effect", "attention"],
      ...found.tokens.flatMap(({ text }, row) => [
        [text, null, found.whole[row], null],
        ...found.words.map((word, column) => [text, word, found.effects[row][column], found.attention[row][column]]),
      ]),
    ],
    decoder_heads: (found) => [
      ["attention", "layer", "head", "token", "effect"],
      ...Object.entries(found.effects).flatMap(([kind, rows]) =>
        rows.flatMap((row, layer) => row.flatMap((effects, head) => found.tokens.map(({ text }, place) => [kind, layer + 1, head + 1, text, effects[place]])))),
    ],
  };

  const save = (name, rows) => {
    const link = document.createElement("a");
    // The mark at the beginning tells spreadsheets the encoding.
    link.href = URL.createObjectURL(new Blob(["\ufeff", csv(rows)], { type: "text/csv" }));
    link.download = `${name}.csv`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  };

  // The button that saves what a widget shows; none where it has no table.
  const buttons = (name, found) => {
    const rows = found && rowsOf[name]?.(found);
    if (!rows) return [];
    const button = make("button", { className: "plain-button save-table", text: "Save as CSV", attributes: { type: "button" } });
    button.addEventListener("click", () => save(name, rows));
    return [button];
  };

  return { buttons, csv, rowsOf };
})();
