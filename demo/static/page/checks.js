// Whether a text can be read, by the rules of `explorer/ui/checks.py`.

const MOST = 10_000; // characters

const isVisible = (text) => /[^\p{Z}\p{C}]/u.test(text);

const checkedText = (text, name) => {
  const count = [...text].length;
  if (count > MOST) throw new Error(`${name} has ${count.toLocaleString("en")} characters; at most ${MOST.toLocaleString("en")} are read. Shorten it.`);
  if (/\p{Cs}/u.test(text)) throw new Error(`${name} holds half of a character (a lone surrogate). Copy it again from its source.`);
  return text;
};

const unseen = (count) =>
  count === 1
    ? "The text is 1 character long, which cannot be seen: it is a space or a control character. Write a sentence."
    : `The text is ${count.toLocaleString("en")} characters long, but none of them can be seen: they are spaces or control characters. Write a sentence.`;

// One text, or a pair, fit to be read. Throws a sentence.
export const checkedTexts = (text, pair = "") => {
  const [first, second] = [checkedText(text, "The text"), checkedText(pair, "The second text")];
  if (!first.trim()) throw new Error("There is no text yet. Write a sentence.");
  if (!isVisible(first)) throw new Error(unseen([...first].length));
  return [first, isVisible(second) ? second : ""];
};
