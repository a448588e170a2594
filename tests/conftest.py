"""What tests of more than one folder need. Nothing here imports torch: tests/demo runs without."""

from pathlib import Path

import pytest

WORDS = "a the film is not bad good dull bright story and but it was great . , ! ? ' “ ”".split()
LETTERS = "abcdefghijklmnopqrstuvwxyz"


@pytest.fixture(scope="session")
def tokenizer(tmp_path_factory: pytest.TempPathFactory):
    """A small BERT tokenizer: some words, and every letter so that none is unknown."""
    from transformers import BertTokenizer

    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]
    pieces += [letter for letter in LETTERS if letter not in pieces]
    pieces += [f"##{letter}" for letter in LETTERS]
    vocabulary: Path = tmp_path_factory.mktemp("tokenizer") / "vocab.txt"
    vocabulary.write_text("\n".join(pieces), encoding="utf-8")
    return BertTokenizer(str(vocabulary), model_max_length=32)
