// Texts as tokens: ids for a graph, and for people the reader's own characters. The rules are those
// of `explorer/inference/tokenizing.py` and `tokens.py`, to which a test under node holds them.
import { cutter } from "./pieces.js";

const STARTS = ["Ġ", "▁"]; // what stands for a space in front of a word
const SEEN_SPACES = { " ": "␣", "\n": "⏎", "\t": "⇥" };
const MASKS = ["[MASK]", "<mask>"];

const isPrintable = (one) => one === " " || !/[\p{C}\p{Z}]/u.test(one);
const allPrintable = (text) => [...text].every(isPrintable);
const isVisible = (text) => [...text].some((one) => isPrintable(one) && !/[\ufe00-\ufe0f]/.test(one));
const strip = (text) => text.replace(/^[\p{White_Space}\x1c-\x1f]+|[\p{White_Space}\x1c-\x1f]+$/gu, "");
const withSpaces = (text) => [...text].map((one) => SEEN_SPACES[one] ?? one).join("");

// ---- How a vocabulary writes pieces.

const BYTES = (() => {
  const printable = (byte) => (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte !== 0xad);
  let other = 0x100;
  return new Map(Array.from({ length: 256 }, (_, byte) => [String.fromCodePoint(printable(byte) ? byte : other++), byte]));
})();

const notationOf = ({ tokenizer: { pre_tokenizer, decoder } }) => {
  const parts = JSON.stringify([pre_tokenizer, decoder]);
  const byteLevel = parts.includes("ByteLevel");
  const marksStarts = byteLevel || parts.includes(STARTS[1]);
  const readable = (piece) => {
    if (!byteLevel) return marksStarts ? piece.replaceAll("▁", "␣") : piece;
    const letters = [...piece];
    if (!letters.every((letter) => BYTES.has(letter))) return piece;
    const bytes = Uint8Array.from(letters, (letter) => BYTES.get(letter));
    let text = "";
    try {
      text = withSpaces(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
    } catch {} // a part of a character
    return text && allPrintable(text) ? text : `⟨${[...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(" ")}⟩`;
  };
  const isSpace = (piece) => marksStarts && [...piece].every((letter) => STARTS.includes(letter));
  return { marksStarts, readable, isSpace, startsWord: (piece) => marksStarts && STARTS.some((mark) => piece.startsWith(mark)) };
};

// ---- A token as widgets show it: see `chip` of explorer/ui/payloads.py.

const chipOf = ({ piece, text, special, continues, segment, readable }) => {
  const entry = readable || piece;
  const name = isVisible(text) ? text : entry.replace(/^##/, "") || entry;
  return { text: name, ...(text === name ? {} : { own: text }), piece: entry, special, continues, segment, number: "" };
};
export const labelOf = ({ text, continues }) => (continues ? `##${text}` : text);

// ---- Sources

const isMark = (one) => one !== undefined && /^[\p{M}\u0e33\u0eb3\uff9e\uff9f]$/u.test(one);
const UNSPACED = /[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u1950-\u1aaf\u1b00-\u1b7f\u2e80-\u9fff\ua980-\ua9ff\uaa60-\uaadf\uf900-\ufaff\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff9f\u{20000}-\u{3ffff}]/u;
const inWord = (one) => one !== undefined && !UNSPACED.test(one) && /^[\p{L}\p{N}\p{M}]$/u.test(one);
const ofOneCharacter = (before, after) => isMark(after) || before === "\u200d" || after === "\u200d" || /^[\u{1f3fb}-\u{1f3ff}]$/u.test(after ?? "");
const isJoined = (before, after) => ofOneCharacter(before, after) || (inWord(before) && inWord(after));
const isApart = (before, after) => !ofOneCharacter(before, after) && [before, after].some((one) => one !== undefined && (/^\p{White_Space}$/u.test(one) || UNSPACED.test(one)));

const PREFIX = /^[Ġ\p{White_Space}]*/u;
const TRAILING = /[Ġ\p{White_Space}]*$/u;
// Byte-level tokenizers leave spaces out of the places that they tell (process_offsets in Rust).
const trimmed = (pieces, prefixed) =>
  pieces.map((one, place) => {
    let leading = [...one.piece.match(PREFIX)[0]].length;
    const trailing = [...one.piece.match(TRAILING)[0]].length;
    if (leading && prefixed && (place === 0 || one.from === 0)) leading -= 1;
    const from = Math.min(one.from + leading, one.to);
    return { ...one, from, to: trailing && one.to >= trailing ? Math.max(one.to - trailing, from) : one.to };
  });

// How long two texts may be that have so many pieces, the longer cut first ("longest_first").
const shares = (first, second, room) => {
  if (first + second <= room) return [first, second];
  const [less, more] = [Math.min(first, second), Math.max(first, second)];
  let [one, other] = [less, less > room ? less : Math.max(less, room - less)];
  if (one + other > room) [one, other] = [Math.floor(room / 2), Math.floor(room / 2) + (room % 2)];
  return first > second ? [other, one] : [one, other];
};

const rulesOf = (rule) => (rule ? [rule, ...(rule.processors ?? []).flatMap(rulesOf)] : []);

// A token as a tokenizer_config.json has it, a string or an object; empty if it has none.
const contentOf = (token) => (typeof token === "string" ? token : typeof token?.content === "string" ? token.content : "");

// Cuts texts into tokens, at most `most` of them; says how many did not fit. `config` is the content
// of tokenizer_config.json, which names what stands for a masked word and for a whole text.
export const textEncoder = (tokenizer, most, config) => {
  const cut = cutter(tokenizer);
  const notation = notationOf(tokenizer);
  const processors = rulesOf(tokenizer.tokenizer.post_processor);
  const trimming = processors.find(({ type, trim_offsets }) => ["ByteLevel", "RobertaProcessing"].includes(type) && trim_offsets !== false);
  const oneType = processors.some(({ type }) => type === "RobertaProcessing");
  const process = (first, second) => {
    const given = tokenizer.post_processor ? tokenizer.post_processor(first, second, true) : { tokens: [...first, ...(second ?? [])] };
    const whole = given.tokens_pair ? [...given.tokens, ...given.tokens_pair] : given.tokens;
    const types = given.token_type_ids ?? whole.map(({ sequence }) => sequence ?? 0);
    return { whole, types: oneType ? types.map(() => 0) : types };
  };
  const piecesOf = (text, sequence) => {
    const found = cut(text).map((one) => ({ ...one, sequence }));
    return trimming ? trimmed(found, trimming.add_prefix_space !== false) : found;
  };

  // Where a piece ends, with the accents that were written as characters of their own.
  const endOf = ({ to, sequence }, characters, starts) => {
    let end = to;
    while (isMark(characters[end]) && !starts.has(`${sequence} ${end}`)) end += 1;
    return end;
  };
  const goesOn = (one, before, owned, characters) => {
    if (!before || one.sequence !== before.sequence) return false;
    const neighbours = [characters[one.from - 1], characters[one.from]];
    if (!notation.marksStarts) return one.word === before.word && (one.from < owned || !isApart(...neighbours));
    if (notation.startsWord(one.piece)) return false;
    return one.from < owned || notation.isSpace(before.piece) || isJoined(...neighbours);
  };
  const named = (whole, texts) => {
    const starts = new Set(whole.filter(({ sequence }) => sequence !== undefined).map(({ sequence, from }) => `${sequence} ${from}`));
    const owned = [0, 0]; // up to where each text belongs to a token already
    let [segment, before] = [0, null];
    return whole.map((one) => {
      if (typeof one === "string") {
        before = null;
        return chipOf({ piece: one, text: "", special: true, continues: false, segment, readable: notation.readable(one) });
      }
      segment = one.sequence;
      const characters = texts[segment];
      const continues = goesOn(one, before, owned[segment], characters);
      let text = "";
      if (!notation.isSpace(one.piece)) {
        const end = endOf(one, characters, starts);
        // What goes on with a word begins where that left off, with what was dropped between.
        text = strip(characters.slice(continues ? owned[segment] : Math.max(one.from, owned[segment]), end).join(""));
        owned[segment] = Math.max(end, owned[segment]);
      }
      before = one;
      return chipOf({ piece: one.piece, text, special: false, continues, segment, readable: notation.readable(one.piece) });
    });
  };

  const encode = (text, pair = "") => {
    const texts = [text, pair].map((one) => one.replace(/\p{Cs}/gu, "\ufffd"));
    const [first, second] = [piecesOf(texts[0], 0), pair ? piecesOf(texts[1], 1) : null];
    const added = process([], second && []).whole.length;
    const [one, other] = second ? shares(first.length, second.length, most - added) : [Math.min(first.length, most - added)];
    const { whole, types } = process(first.slice(0, one), second && second.slice(0, other));
    const cls = Math.max(whole.indexOf(contentOf(config.cls_token)), 0);
    return {
      text, text_pair: pair, segments: types,
      ids: whole.map((token) => (typeof token === "string" ? tokenizer.token_to_id(token) : token.id)),
      places: whole.map(({ from, to }) => (from === undefined ? [0, 0] : [from, to])),
      tokens: named(whole, texts.map((each) => [...each])),
      left_out: first.length + (second?.length ?? 0) + added - whole.length,
      cls, // the token of the whole text, or else the first
      held: [], // tokens that are asked about, none of which is deleted
      origins: null, // the place that each token had before some were deleted
      apart: false, // whether two texts are read each by itself
    };
  };
  const mask = [contentOf(config.mask_token), ...MASKS].find((name) => name && tokenizer.token_to_id(name) !== undefined);
  // What an entry of the vocabulary stands for, for people: ## in front of one that goes on with a word.
  const wordOf = (id) => {
    const piece = tokenizer.id_to_token(id);
    if (piece === undefined) return `[${id}]`; // a graph may score more ids than there are pieces
    const readable = notation.readable(piece);
    if (notation.startsWord(piece)) return readable.replace(/^␣/, "") || readable;
    return notation.marksStarts && /^[\p{L}\p{N}]/u.test(readable) ? `##${readable}` : readable;
  };
  return { encode, wordOf, mask: mask ?? "", maskId: mask ? tokenizer.token_to_id(mask) : null };
};

// Where a token stands now, by the place that it had before any was deleted.
export const placeOf = ({ origins }, origin) => (origins ? origins.indexOf(origin) : origin);

// Without some of its tokens, or with the mask in their place. `text` stays as it was.
export const deleted = (encoded, places) => {
  const kept = (list) => list.filter((_, place) => !places.includes(place));
  const { ids, segments, tokens, origins } = encoded;
  return { ...encoded, ids: kept(ids), segments: kept(segments), tokens: kept(tokens), origins: kept(origins ?? [...ids.keys()]) };
};
export const masked = (encoded, places, mask) => ({ ...encoded, ids: encoded.ids.map((id, place) => (places.includes(place) ? mask : id)) });

// Two texts that are read each by itself, as one; and what is read by itself of a text.
export const joined = (first, second) => ({
  ...first, text_pair: second.text, ids: [...first.ids, ...second.ids], segments: [...first.segments, ...second.segments],
  tokens: [...first.tokens, ...second.tokens.map((token) => ({ ...token, segment: 1 }))], places: [...first.places, ...second.places],
  left_out: first.left_out + second.left_out, cls: 0, apart: true,
});
export const parted = (encoded) => {
  if (!encoded.apart) return [encoded];
  return [1, 0].map((other) => deleted(encoded, encoded.tokens.flatMap(({ segment }, place) => (segment === other ? [place] : []))));
};

// ---- What a decoder wrote

// Names the tokens of a text that was written; `outside` are ids that are no part of it.
export const targetTokens = (tokenizer, outside) => {
  const notation = notationOf(tokenizer);
  const prefix = tokenizer.model.config.continuing_subword_prefix ?? "";
  const decode = (ids) => (ids.length ? tokenizer.decode(ids, { skip_special_tokens: false, clean_up_tokenization_spaces: false }) : "");
  const entries = new Map();
  const known = (id) => entries.get(id) ?? entries.set(id, lookedUp(id)).get(id);
  const lookedUp = (id) => {
    const piece = tokenizer.id_to_token(id) ?? `[${id}]`;
    const readable = notation.readable(piece);
    if (prefix) return { piece, text: (piece.startsWith(prefix) ? piece.slice(prefix.length) : piece) || piece, starts: !piece.startsWith(prefix), readable };
    const plain = decode([id]);
    const text = strip(plain) || withSpaces(plain) || piece;
    return { piece, text: text.includes("\ufffd") || !allPrintable(text) ? readable : text, starts: STARTS.some((mark) => piece.startsWith(mark)), readable };
  };
  const joins = (text, before) => {
    if (before === null) return Boolean(prefix);
    const neighbours = [[...before].at(-1), [...text][0]];
    return prefix ? !isApart(...neighbours) : isJoined(...neighbours);
  };
  // `before` is the text of the token before it.
  const token = (id, before = null) => {
    const { piece, text, starts, readable } = known(id);
    const special = outside.includes(id);
    return chipOf({ piece, text: special ? "" : text, special, continues: !special && !starts && joins(text, before), segment: 0, readable });
  };
  const tokens = (ids) => {
    const own = (id) => (outside.includes(id) ? "" : known(id).text);
    return ids.map((id, place) => token(id, place ? own(ids[place - 1]) : null));
  };
  return { token, tokens, text: (ids) => decode(ids.filter((id) => !outside.includes(id))) };
};
