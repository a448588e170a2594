"""An M2M-100 model's tokenizer, of a SentencePiece file and a list of words, as one
`tokenizer.json`, which `transformers` cannot make.

Texts are cut by the pieces of `sentencepiece.bpe.model`, two of which are joined before others
where the file has the result before others; they have the ids of `vocab.json`. Behind those come
the tokens of languages, one of which stands in front of a text.
"""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tokenizers import AddedToken, Tokenizer, models, processors
from transformers import M2M100Tokenizer, PreTrainedTokenizerBase, PreTrainedTokenizerFast
from transformers.convert_slow_tokenizer import SpmConverter

PIECES, WORDS = "sentencepiece.bpe.model", "vocab.json"
_BPE = 2
_MARKS = ("bos_token", "eos_token", "pad_token", "unk_token")


def is_m2m(folder: Path) -> bool:
    """Whether a folder has such files, and no `tokenizer.json`."""
    there = all((folder / name).is_file() for name in (PIECES, WORDS))
    return there and not (folder / "tokenizer.json").is_file()


def m2m_tokenizer(folder: Path) -> tuple[PreTrainedTokenizerBase, list[str]]:
    """The tokenizer of a folder, and what it does otherwise than `M2M100Tokenizer`, in a sentence
    each.

    Raises:
        ValueError: `transformers` cannot open it, the list has gaps or lacks a mark, or the file is
            no SentencePiece model of the kind BPE.
    """
    try:
        theirs = M2M100Tokenizer.from_pretrained(folder, local_files_only=True)
        converter = _Converter(theirs)
    except Exception as error:  # theirs, protobuf's and sentencepiece's own
        said = ": ".join([type(error).__name__, *str(error).strip().splitlines()[:1]])
        raise ValueError(
            f"{folder} has no tokenizer that transformers can open ({said[:200]}): it needs "
            f"{PIECES} and {WORDS} as the model was trained with, and pip install -r "
            "export/requirements-formats.txt"
        ) from error
    ids = theirs.encoder
    marks = {name: getattr(theirs, name) for name in _MARKS}
    if {*ids.values()} != {*range(len(ids))} or {*marks.values()} - ids.keys():
        raise ValueError(
            f"{folder / WORDS} is no list of words by their ids from 0, without gaps and with "
            f"{', '.join(marks.values())}; expected what the model was trained with"
        )
    if converter.kind != _BPE:
        raise ValueError(
            f"{folder / PIECES} is a SentencePiece model of the kind {converter.kind}; expected "
            f"{_BPE}, BPE. Save the model with a tokenizer.json"
        )
    made = PreTrainedTokenizerFast(
        tokenizer_object=converter.converted(), model_max_length=theirs.model_max_length, **marks
    )
    remarks = []
    if lost := [piece for piece in converter.pieces if piece not in ids]:
        remarks.append(
            f"{len(lost)} pieces of {PIECES} are not in {WORDS}, such as {lost[0]!r}: in their "
            "place M2M100Tokenizer takes the unknown word, and here it is smaller pieces"
        )
    return made, remarks


class _Converter(SpmConverter):
    """As `transformers` converts SentencePiece files, with the ids and languages of M2M-100."""

    def __init__(self, theirs: Any) -> None:
        super().__init__(SimpleNamespace(vocab_file=str(theirs.spm_file)))
        self.kind = self.proto.trainer_spec.model_type
        listed = (piece for piece in self.proto.pieces if piece.type == 1)
        self.pieces = [one.piece for one in sorted(listed, key=lambda one: -one.score)]
        self._theirs = theirs

    def tokenizer(self, proto: Any) -> Tokenizer:
        """Joins two pieces wherever the result is one, the best first."""
        ids = self._theirs.encoder
        merges = [
            (piece[:cut], piece[cut:])
            for piece in self.pieces
            for cut in range(1, len(piece))
            if {piece, piece[:cut], piece[cut:]} <= ids.keys()
        ]
        made = Tokenizer(models.BPE(ids, merges, unk_token=self._theirs.unk_token, fuse_unk=True))
        languages = sorted(self._theirs.lang_token_to_id.items(), key=lambda one: one[1])
        made.add_special_tokens([AddedToken(word, normalized=False) for word, _ in languages])
        return made

    def post_processor(self) -> processors.PostProcessor:
        """The language in front of a text, and the end behind it."""
        end = self._theirs.eos_token
        language = self._theirs.get_lang_token(self._theirs.src_lang)
        known = [(language, self._theirs.cur_lang_id), (end, self._theirs.encoder[end])]
        return processors.TemplateProcessing(
            single=f"{language} $A {end}", pair=f"{language} $A $B {end}", special_tokens=known
        )
