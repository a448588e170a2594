"""Makes tests/demo/tiny_bundle: a random classifier of 2 layers x 2 heads, exported.

    python tests/export/make_tiny_bundle.py

It is committed so that the page's tests run without torch, and so that an old bundle of the same
format is opened at every test run. The labels mean nothing: the weights are random.
"""

import tempfile
from pathlib import Path

import torch
from transformers import BertConfig, BertForSequenceClassification, BertTokenizer

from export.to_onnx import main

OUT = Path(__file__).parents[1] / "demo" / "tiny_bundle"
WORDS = """
a the film story music is was not bad good dull bright and but it at all of in one so great ! ? , .
' - # $ & ( ) 0 1 2 é 好 电 影 😍 un ##ing ##ed ##ly ##s
"""
LETTERS = "abcdefghijklmnopqrstuvwxyz"
EXAMPLES = """
{"text": "Not bad at all, the story is great!"}
{"text": "The music was dull but the film is good.", "text_pair": "Was it good?"}
"""


def make(out: Path) -> None:
    """Builds the classifier in Hugging Face's format and exports it."""
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS.split()]
    pieces += [*LETTERS, *(f"##{letter}" for letter in LETTERS)]
    pieces = list(dict.fromkeys(pieces))
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(pieces),
        hidden_size=8,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=32,
        initializer_range=0.8,
        id2label={0: "negative", 1: "neutral", 2: "positive"},
        label2id={"negative": 0, "neutral": 1, "positive": 2},
    )
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = Path(folder) / "tiny"
        checkpoint.mkdir()
        (checkpoint / "pieces.txt").write_text("\n".join(pieces), encoding="utf-8")
        BertForSequenceClassification(config).save_pretrained(checkpoint)
        tokenizer = BertTokenizer(str(checkpoint / "pieces.txt"), model_max_length=32)
        tokenizer.save_pretrained(checkpoint)
        (checkpoint / "examples.jsonl").write_text(EXAMPLES, encoding="utf-8")
        code = main(
            [
                str(checkpoint),
                "--out",
                str(out),
                "--title",
                "Tiny random model",
                "--licence",
                "Random weights, made for tests: no rights reserved.",
                "--examples",
                str(checkpoint / "examples.jsonl"),
                "--quantize",
            ]
        )
    assert code == 0, "the export failed; it says why above"


if __name__ == "__main__":
    make(OUT)
