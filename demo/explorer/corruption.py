"""Spoils a sentence, for a decoder that writes sentences clean: the kinds of damage it was trained
on (BART's denoising, Lewis et al. 2020, section 2.2). Pure: all chance comes from the seed."""

import re
from random import Random

_WORD = re.compile(r"[^\W\d_]+")
_SHORTEST = 4  # letters; a shorter word that is mistyped is most often another word
_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")


def corrupt(text: str, seed: int, mask: str = "[MASK]", number: int = 2) -> str:
    """Masks, drops, swaps or mistypes words, `number` of them if the text has as many.

    Args:
        mask: what stands for a masked word; empty if the model knows no such token.
    """
    random = Random(seed)
    # Words, and what stands between them, in turn; the mask of an earlier call is no word.
    parts = re.split(r"(\S+)", text)
    places = [i for i in range(1, len(parts), 2) if parts[i] != mask and _WORD.search(parts[i])]
    random.shuffle(places)
    done: set[int] = set()
    for place in places:
        if len(done) >= number:
            break
        if not done & {place - 2, place, place + 2} and _damage(parts, place, mask, random):
            done.add(place)
    return re.sub(r"(?<=\S) {2,}", " ", "".join(parts)).strip()


def _damage(parts: list[str], place: int, mask: str, random: Random) -> bool:
    """One kind of damage, drawn from those that the word can take; False if there is none."""
    word = _WORD.search(parts[place])
    assert word, "only words are damaged"
    found = word.group()
    following = _WORD.fullmatch(parts[place + 2]) if place + 2 < len(parts) else None
    kinds = ["mask"] if mask else []
    if len(parts) > 3:
        kinds.append("drop")
    if found == parts[place] and following and following.group() != found:
        kinds.append("swap")
    if len(found) >= _SHORTEST:
        kinds.append("mistype")
    if not kinds:
        return False
    kind = random.choice(kinds)
    if kind == "swap":
        parts[place], parts[place + 2] = parts[place + 2], parts[place]
    else:
        new = _mistype(found, random) if kind == "mistype" else mask if kind == "mask" else ""
        parts[place] = parts[place].replace(found, new, 1)
    return True


def _mistype(word: str, random: Random) -> str:
    """One slip of the finger: a letter twice, left out, turned with the next, or its neighbour."""
    i = random.randrange(len(word) - 1)
    kinds = [word[: i + 1] + word[i:], word[:i] + word[i + 1 :]]
    if word[i] != word[i + 1]:
        kinds.append(word[:i] + word[i + 1] + word[i] + word[i + 2 :])
    row = next((row for row in _ROWS if word[i].lower() in row), "")
    if row:
        at = row.index(word[i].lower())
        kinds.append(word[:i] + row[at + 1 if at + 1 < len(row) else at - 1] + word[i + 1 :])
    return random.choice(kinds)
