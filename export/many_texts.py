"""Texts enough to hold an 8-bit graph to its limits: some thousands, of which training saw none."""

from collections.abc import Mapping, Sequence
from typing import Any

from export.encoder_graph import encoder_of
from export.held_out import HeldOut, checked_corpus, draw_texts
from export.longest import longest_read
from export.parts import EncoderPart
from training.data.batches import encode_texts
from training.data.corpus import Corpus, Example, load_corpus
from training.data.splits import normal_form
from training.readers.packaged import SOURCES

ENOUGH_TEXTS = 3000
"""Fewer cannot tell a tenth of a per cent of the labels."""
_RANDOM_TEXTS, _RANDOM_TEXT_LENGTHS = 64, (3, 64)


def many_texts(
    data: str | None,
    record: Mapping[str, Any] | None,
    examples: Sequence[Mapping[str, str]],
    part: EncoderPart,
) -> HeldOut:
    """The test and validation parts of `data`, else of what the checkpoint was trained on.

    Where that is one of the packaged reviews and gives fewer than `ENOUGH_TEXTS`, test texts of the
    other packaged ones make up the number. Without any of it the examples; without those, tokens at
    random, which can show how far maps move and nothing of labels.

    Raises:
        FileNotFoundError, ValueError: as `held_out_texts`.
    """
    corpus = checked_corpus(data, record, part)
    fits = longest_read(encoder_of(part.model).config, part.max_tokens)
    if corpus is None:
        if not examples:
            return HeldOut(
                draw_texts(part, _RANDOM_TEXTS, _RANDOM_TEXT_LENGTHS),
                False,
                {"tokens at random": _RANDOM_TEXTS},
                random=True,
            )
        rows = [Example(example["text"], 0, example.get("text_pair")) for example in examples]
        texts = encode_texts(rows, part.tokenizer, max_tokens=fits)
        return HeldOut(texts, False, {"the page's examples": len(texts)}, longest=fits)
    limit = min(fits, (record or {}).get("recipe", {}).get("max_tokens", fits))
    chosen = {f"{corpus.name}, test": corpus.test, f"{corpus.name}, validation": corpus.validation}
    if data is None and corpus.source in SOURCES:
        missing = max(0, ENOUGH_TEXTS - sum(map(len, chosen.values())))
        chosen |= _others(corpus, missing)
    texts = [
        text
        for rows in chosen.values()
        for text in encode_texts(rows, part.tokenizer, max_tokens=limit)
    ]
    origin = {name: len(rows) for name, rows in chosen.items() if rows}
    return HeldOut(texts, part.classifies, origin, longest=fits)


def _others(corpus: Corpus, missing: int) -> dict[str, tuple[Example, ...]]:
    """Test texts of the other packaged reviews that are none of the corpus's own, by their name."""
    own = {normal_form(row.text) for row in (*corpus.train, *corpus.validation, *corpus.test)}
    found = {}
    for name in SOURCES:
        if name == corpus.source or not missing:
            continue
        other = load_corpus(name)
        if other.labels == corpus.labels:
            rows = [row for row in other.test if normal_form(row.text) not in own][:missing]
            found[f"{other.name}, test"] = tuple(rows)
            missing -= len(rows)
    return found
