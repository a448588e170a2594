"""A Marian model's tokenizer, of two SentencePiece files and one list of words, as one
`tokenizer.json`, which `transformers` cannot make.

What is read is cut by `source.spm`; its pieces have the ids of `vocab.json`. What is written is put
together of the words of that list, whichever of the two they come from, so that one file serves
both.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, processors
from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast
from transformers.convert_slow_tokenizer import SpmConverter

from training.checkpoints.files import read_json

SOURCE, TARGET, WORDS = "source.spm", "target.spm", "vocab.json"
_UNIGRAM = 1
_MARKS = {"unk_token": "<unk>", "eos_token": "</s>", "pad_token": "<pad>"}
_LANGUAGE = re.compile(r">>.+<<")
_FAR = 1000.0
"""So much worse than the worst piece of a source is a word that only a target has."""
_MOST = 512
"""Tokens of a text, as `MarianTokenizer` has it by itself."""


def is_marian(folder: Path) -> bool:
    """Whether a folder has such files, and no `tokenizer.json`."""
    there = all((folder / name).is_file() for name in (SOURCE, TARGET, WORDS))
    return there and not (folder / "tokenizer.json").is_file()


def marian_tokenizer(folder: Path) -> tuple[PreTrainedTokenizerBase, list[str]]:
    """The tokenizer of a folder, and what it does otherwise than `MarianTokenizer`, in a sentence
    each.

    Raises:
        ValueError: source and target have lists of their own, the list has gaps or lacks a mark, or
            `source.spm` is no SentencePiece model of the unigram kind.
    """
    file = folder / "tokenizer_config.json"
    settings = read_json(file) if file.is_file() else {}
    if settings.get("separate_vocabs"):
        raise ValueError(
            f"{folder} has words of its own for what it reads and for what it writes "
            "(separate_vocabs); expected one vocab.json for both"
        )
    ids = read_json(folder / WORDS)
    words = sorted(ids, key=ids.__getitem__)
    if [*map(ids.get, words)] != [*range(len(words))] or {*_MARKS.values()} - ids.keys():
        raise ValueError(
            f"{folder / WORDS} is no list of words by their ids from 0, without gaps and with "
            f"{', '.join(_MARKS.values())}; expected what the model was trained with"
        )
    converter = _open(folder / SOURCE, ids)
    made = converter.converted()
    made.add_special_tokens(
        [AddedToken(word, normalized=False) for word in words if _LANGUAGE.fullmatch(word)]
    )
    most = settings.get("model_max_length", _MOST)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=made, model_max_length=most, **_MARKS)
    remarks = [
        "MarianTokenizer evens out punctuation first where the package sacremoses is installed, "
        "which is not done here"
    ]
    if lost := converter.lost:
        remarks.append(
            f"{len(lost)} pieces of {SOURCE} are not in {WORDS}, such as {lost[0]!r}: in their "
            "place MarianTokenizer takes the unknown word, and here it is smaller pieces"
        )
    return tokenizer, remarks


def _open(file: Path, ids: Mapping[str, int]) -> "_Converter":
    try:
        converter = _Converter(file, ids)
    except Exception as error:  # protobuf's own
        raise ValueError(f"{file} is no SentencePiece model ({type(error).__name__})") from error
    if converter.kind != _UNIGRAM:
        raise ValueError(
            f"{file} is a SentencePiece model of the kind {converter.kind}; expected {_UNIGRAM}, "
            "unigram. Save the model with a tokenizer.json"
        )
    return converter


class _Converter(SpmConverter):
    """As `transformers` converts SentencePiece files, with the ids of a list beside it."""

    def __init__(self, file: Path, ids: Mapping[str, int]) -> None:
        super().__init__(SimpleNamespace(vocab_file=str(file)))
        self.kind = self.proto.trainer_spec.model_type
        self._scores = {piece.piece: piece.score for piece in self.proto.pieces if piece.type == 1}
        self._known = {" ", *(letter for piece in self._scores for letter in piece)}
        self._ids = ids
        self.lost = [piece for piece in self._scores if piece not in ids]

    def tokenizer(self, proto: Any) -> Tokenizer:
        """Cuts by the pieces of the source; the other words are there to be written."""
        words = sorted(self._ids, key=self._ids.__getitem__)
        listed = [(word, self._score(word)) for word in words]
        return Tokenizer(models.Unigram(listed, unk_id=self._ids[_MARKS["unk_token"]]))

    def _score(self, word: str) -> float:
        """A letter that the source does not know is looked up in the list as it is; that is all
        that a word which only the target has may stand for."""
        if word in self._scores:
            return self._scores[word]
        unknown = sum(letter not in self._known for letter in word)
        far = min(self._scores.values()) - _FAR
        return far if unknown == len(word) == 1 else far * (unknown + 1)

    def normalizer(self, proto: Any) -> normalizers.Normalizer:
        """With one letter that nobody knows for each run of letters that the source does not know,
        since that is looked up as a whole."""
        taken = self._known.union(*self._ids)
        unknown = next(letter for letter in map(chr, range(0xE000, 0xF900)) if letter not in taken)
        inside = "".join(f"\\{one}" if one in r"\]^-[&~" else one for one in sorted(self._known))
        steps = [
            super().normalizer(proto),
            normalizers.Replace(Regex(f"[^{inside}]{{2,}}"), unknown),
        ]
        return normalizers.Sequence(steps)

    def post_processor(self) -> processors.PostProcessor:
        """The end behind a text."""
        end = _MARKS["eos_token"]
        return processors.TemplateProcessing(
            single=f"$A {end}", pair=f"$A $B {end}", special_tokens=[(end, self._ids[end])]
        )
