// A text cut into a tokenizer's pieces, each with its place among the text's characters.
//
// @huggingface/tokenizers knows pieces and their ids, but not where they stand. So its rules that
// change or cut a text are followed here on letters that know where they come from, as the tokenizers
// library does it in Rust (tokenizer/normalizer.rs); vocabularies, merges and scores are the library's.
// A letter is [character, from, to]: places from 0, in whole characters, not in UTF-16's halves.

const SPACE = /^\p{White_Space}$/u;
const ASCII_SIGNS = "\\x21-\\x2f\\x3a-\\x40\\x5b-\\x60\\x7b-\\x7e";
const CHINESE = /^[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u{20000}-\u{2a6df}\u{2a700}-\u{2ceaf}\u{2f800}-\u{2fa1f}]$/u;

const joined = (letters) => letters.map(([one]) => one).join("");
const moved = (character, [, from, to]) => [character, from, to];

// ---- Rules that change a text, by their names in tokenizer.json.

const each = (change) => (letters) => letters.flatMap((letter) => [...change(letter[0])].map((one) => moved(one, letter)));

const bert = ({ clean_text, handle_chinese_chars, strip_accents, lowercase }) => {
  const clean = (one) => (/^[\0\ufffd]$/.test(one) || (!/^[\t\n\r]$/.test(one) && /^[\p{Cc}\p{Cf}\p{Co}\p{Cs}]$/u.test(one)) ? "" : SPACE.test(one) ? " " : one);
  const apart = (one) => (CHINESE.test(one) ? ` ${one} ` : one);
  const bare = (one) => one.normalize("NFD").replace(/\p{Mn}/gu, "");
  return chain([
    ...(clean_text ? [each(clean)] : []),
    ...(handle_chinese_chars ? [each(apart)] : []),
    ...(strip_accents ?? lowercase ? [each(bare)] : []),
    ...(lowercase ? [each((one) => one.toLowerCase())] : []),
  ]);
};

// A letter, and the marks and Korean vowels behind it that it may become one with.
const clusters = (letters) => {
  const found = [];
  for (const letter of letters) {
    if (found.length && /^[\p{M}\u1160-\u11ff]$/u.test(letter[0])) found.at(-1).push(letter);
    else found.push([letter]);
  }
  return found;
};
// Changes clusters as a whole. What letters become together stands where the first of them stood.
const together = (change) => (letters) =>
  clusters(letters).flatMap((cluster) => {
    const before = joined(cluster);
    const after = [...change(before)];
    if (after.join("") === before) return cluster;
    const alone = cluster.flatMap((letter) => [...change(letter[0])].map((one) => moved(one, letter)));
    if (joined(alone) === after.join("")) return alone;
    const behind = cluster.length - after.length;
    return after.map((one, place) => moved(one, cluster[place ? Math.min(Math.max(place + behind, 0), cluster.length - 1) : 0]));
  });

const patternOf = ({ String: text, Regex: regex }) => new RegExp(text === undefined ? regex : text.replace(/[.*+?^${}()|[\]\\/-]/g, "\\$&"), "gu");
const replaced = ({ pattern, content }) => (letters) => {
  const [text, places] = [joined(letters), placesOf(letters)];
  const found = [];
  let at = 0;
  for (const { 0: match, index } of text.matchAll(patternOf(pattern))) {
    const [first, last] = [places.get(index), places.get(index + match.length)];
    found.push(...letters.slice(at, first), ...[...content].map((one, step) => moved(one, letters[Math.min(first + step, Math.max(last - 1, first))] ?? letters.at(-1))));
    at = last;
  }
  return [...found, ...letters.slice(at)];
};
const stripped = ({ strip_left, strip_right }) => (letters) => {
  let [from, to] = [0, letters.length];
  while (strip_left && from < to && SPACE.test(letters[from][0])) from += 1;
  while (strip_right && to > from && SPACE.test(letters[to - 1][0])) to -= 1;
  return letters.slice(from, to);
};
const begun = (text) => (letters) => (letters.length ? [...[...text].map((one) => moved(one, letters[0])), ...letters] : letters);
const chain = (rules) => (letters) => rules.reduce((found, rule) => rule(found), letters);

export const CHANGES = {
  BertNormalizer: bert,
  Lowercase: () => each((one) => one.toLowerCase()),
  StripAccents: () => each((one) => (/^\p{M}$/u.test(one) ? "" : one)),
  Strip: stripped,
  Replace: replaced,
  Prepend: ({ prepend }) => begun(prepend),
  Sequence: ({ normalizers }, { normalizers: own }) => chain(normalizers.map((rule, place) => changeOf(rule, own[place]))),
  Precompiled: (_, own) => together((text) => own.normalize(text)),
  ...Object.fromEntries(["NFC", "NFD", "NFKC", "NFKD"].map((form) => [form, () => together((text) => text.normalize(form))])),
};
const changeOf = (rule, own) => (rule ? known(CHANGES, rule, "normalizer")(rule, own) : (letters) => letters);

const known = (table, { type }, kind) => {
  if (!Object.hasOwn(table, type)) throw new Error(`The tokenizer has a ${kind} of type ${type}, whose pieces this page cannot find in a text.`);
  return table[type];
};

// ---- Rules that cut a text into words.

// Where each letter begins in the joined text, and where the last one ends.
const placesOf = (letters) => {
  const found = new Map();
  let at = 0;
  letters.forEach(([one], place) => {
    found.set(at, place);
    at += one.length;
  });
  return found.set(at, letters.length);
};
const matching = (pattern) => (letters) => {
  const places = placesOf(letters);
  return [...joined(letters).matchAll(pattern)].map(({ 0: match, index }) => letters.slice(places.get(index), places.get(index + match.length)));
};
// As the library cuts it; its words stand in the text one after another.
const likeLibrary = (_, own) => (letters) => {
  const [text, places] = [joined(letters), placesOf(letters)];
  let at = 0;
  return own.pre_tokenize_text(text).map((word) => {
    const from = text.indexOf(word, at);
    at = from + word.length;
    return letters.slice(places.get(from), places.get(at));
  });
};
const BYTE_LETTERS = (() => {
  const printable = (byte) => (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte !== 0xad);
  let other = 0x100;
  return Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(printable(byte) ? byte : other++));
})();
const encoder = new TextEncoder();
const byteLevel = ({ add_prefix_space, use_regex = true }) => {
  const cut = use_regex ? matching(/'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu) : (letters) => [letters];
  const bytes = (letters) => letters.flatMap((letter) => [...encoder.encode(letter[0])].map((byte) => moved(BYTE_LETTERS[byte], letter)));
  return (letters) => cut(add_prefix_space && letters[0]?.[0] !== " " ? begun(" ")(letters) : letters).map(bytes);
};
const metaspace = ({ replacement = "▁", prepend_scheme = "always", add_prefix_space = true, split = true }) => (letters) => {
  const marked = each((one) => (one === " " ? replacement : one))(letters);
  const wanted = add_prefix_space && (prepend_scheme === "always" || (prepend_scheme === "first" && letters[0]?.[1] === 0));
  const whole = wanted && marked[0]?.[0] !== replacement ? begun(replacement)(marked) : marked;
  if (!split) return [whole];
  const words = [];
  whole.forEach((letter) => (words.length && letter[0] !== replacement ? words.at(-1).push(letter) : words.push([letter])));
  return words;
};
const WORD = "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\p{Join_Control}";
export const CUTS = {
  BertPreTokenizer: () => matching(new RegExp(`[^\\p{White_Space}\\p{P}${ASCII_SIGNS}]+|[\\p{P}${ASCII_SIGNS}]`, "gu")),
  WhitespaceSplit: () => matching(/\P{White_Space}+/gu),
  Whitespace: () => matching(new RegExp(`[${WORD}]+|[^${WORD}\\p{White_Space}]+`, "gu")),
  ByteLevel: byteLevel,
  Metaspace: metaspace,
  Split: likeLibrary,
  Digits: likeLibrary,
  Punctuation: ({ behavior }) => matching(new RegExp(`[^\\p{P}${ASCII_SIGNS}]+|[\\p{P}${ASCII_SIGNS}]${behavior === "Contiguous" ? "+" : ""}`, "gu")),
  Sequence: ({ pretokenizers }, { tokenizers }) => {
    const cuts = pretokenizers.map((rule, place) => cutOf(rule, tokenizers[place]));
    return (letters) => cuts.reduce((words, cut) => words.flatMap(cut), [letters]);
  },
};
const cutOf = (rule, own) => (rule ? known(CUTS, rule, "pre-tokenizer")(rule, own) : (letters) => [letters]);

// ---- Tokens that were added to the vocabulary are found before anything else.

const addedOf = (tokens, nameOf) => {
  const byName = new Map(tokens.map((token) => [nameOf(token), token]).filter(([name]) => name));
  if (!byName.size) return null;
  const names = [...byName.keys()].sort((a, b) => b.length - a.length);
  const pattern = new RegExp(names.map((name) => patternOf({ String: name }).source).join("|"), "gu");
  return { byName, pattern };
};
const isWord = (letter) => letter !== undefined && new RegExp(`^[${WORD}]$`, "u").test(letter[0]);
// The parts of a text: letters, or an added token with its letters.
const partsOf = (letters, added) => {
  if (!added) return [{ letters }];
  const places = placesOf(letters);
  const parts = [];
  let at = 0;
  for (const { 0: name, index } of joined(letters).matchAll(added.pattern)) {
    const token = added.byName.get(name);
    let [from, to] = [places.get(index), places.get(index + name.length)];
    if (from < at || (token.single_word && (isWord(letters[from - 1]) || isWord(letters[to])))) continue;
    while (token.lstrip && from > at && SPACE.test(letters[from - 1][0])) from -= 1;
    while (token.rstrip && to < letters.length && SPACE.test(letters[to][0])) to += 1;
    parts.push({ letters: letters.slice(at, from) }, { letters: letters.slice(from, to), token });
    at = to;
  }
  return [...parts, { letters: letters.slice(at) }];
};

// ---- The pieces of a word, and how many of its letters each takes.

const lengthsOf = (model, pieces, word) => {
  const { unk_token, config } = model;
  if (config.type === "WordPiece") {
    const prefix = config.continuing_subword_prefix ?? "##";
    return pieces.map((piece, place) => (pieces.length === 1 && piece === unk_token ? word.length : [...piece].length - (place ? [...prefix].length : 0)));
  }
  let at = 0;
  let bytes = 0; // that are left of the letter that is being spelled
  return pieces.map((piece) => {
    if (config.byte_fallback && /^<0x[0-9A-F]{2}>$/.test(piece)) {
      if (!bytes) bytes = encoder.encode(word[at]?.[0] ?? "").length;
      bytes -= 1;
      if (!bytes) at += 1;
      return bytes ? 0 : 1;
    }
    const suffix = config.end_of_word_suffix && piece.endsWith(config.end_of_word_suffix) ? config.end_of_word_suffix : "";
    const length = piece === unk_token ? 1 : [...piece].length - [...suffix].length;
    at += length;
    return length;
  });
};

// Cuts texts: gives [{ id, piece, from, to, word }], where pieces of one word have its number.
export const cutter = (tokenizer) => {
  const { tokenizer: rules, model } = tokenizer;
  const change = changeOf(rules.normalizer, tokenizer.normalizer);
  const cut = cutOf(rules.pre_tokenizer, tokenizer.pre_tokenizer);
  const isChanged = (token) => token.normalized && Boolean(rules.normalizer);
  const plain = addedOf(tokenizer.added_tokens.filter((token) => !isChanged(token)), ({ content }) => content);
  const changed = addedOf(tokenizer.added_tokens.filter(isChanged), ({ content }) => joined(change([...content].map((one, place) => [one, place, place + 1]))));

  const piecesOf = (word, number) => {
    const pieces = model([joined(word)]);
    const lengths = lengthsOf(model, pieces, word);
    let at = 0;
    return pieces.map((piece, place) => {
      const id = model.tokens_to_ids.get(piece) ?? model.unk_token_id;
      const first = word[Math.min(at, word.length - 1)];
      at += lengths[place];
      const last = word[Math.min(Math.max(at - 1, 0), word.length - 1)];
      return { id, piece: model.vocab[id], from: first[1], to: lengths[place] ? last[2] : first[2], word: number };
    });
  };

  return (text) => {
    let words = 0;
    const found = [];
    const take = ({ letters, token }, further) => {
      if (token) found.push({ id: token.id, piece: token.content, from: letters[0][1], to: letters.at(-1)[2], word: words++ });
      else if (letters.length) further(letters);
    };
    const cutUp = (letters) => cut(letters).forEach((word) => word.length && found.push(...piecesOf(word, words++)));
    const letters = [...text].map((one, place) => [one, place, place + 1]);
    for (const part of partsOf(letters, plain)) take(part, (own) => partsOf(change(own), changed).forEach((inner) => take(inner, cutUp)));
    return found;
  };
};
