"""Makes tests/demo/tiny_bundle: a random classifier and decoder, 2 layers x 2 heads each, exported.

    python tests/export/make_tiny_bundle.py

It is committed so that the page's tests run without torch, and so that an old bundle of the same
format is opened at every test run. The labels and the written texts mean nothing: the weights are
random.
"""

import tempfile
from pathlib import Path

import torch
from transformers import BertConfig, BertForSequenceClassification, BertTokenizer

from export.to_onnx import main
from training.checkpoints.hybrid import TextTokens, save_decoder
from training.checkpoints.record import write_record
from training.model.config import DecoderConfig
from training.model.decoder import GPTDecoder

OUT = Path(__file__).parents[1] / "demo" / "tiny_bundle"
WORDS = """
a the film story music is was not bad good dull bright and but it at all of in one so great ! ? , .
' - # $ & ( ) 0 1 2 é 好 电 影 😍 un ##ing ##ed ##ly ##s
"""
LETTERS = "abcdefghijklmnopqrstuvwxyz"
DECODER_SEED = 26
EXAMPLES = [
    {"text": "Not bad at all, the story is great!"},
    {"text": "The music was dull but the film is good.", "text_pair": "Was it good?"},
]
SPOILED = [{"text": "the flim good is"}, {"text": "it was [MASK] bad at all"}]


def make(out: Path) -> None:
    """Builds a checkpoint as the training writes it, and exports it."""
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = Path(folder) / "tiny"
        for part in ("encoder", "decoder"):
            (checkpoint / part).mkdir(parents=True)
        save_parts(checkpoint)
        record = {
            "title": "Tiny random model",
            "licence": "Random weights, made for tests: no rights reserved.",
            "examples": EXAMPLES,
            "hybrid": {"task": "restore", "examples": SPOILED},
        }
        write_record(checkpoint, record)
        code = main([str(checkpoint), "--out", str(out), "--quantize", "--allow-miss"])
    assert code == 0, "the export failed; it says why above"


def save_parts(checkpoint: Path) -> None:
    """The random models; what is written starts with [CLS] and ends with [SEP]."""
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS.split()]
    pieces += [*LETTERS, *(f"##{letter}" for letter in LETTERS)]
    pieces = list(dict.fromkeys(pieces))
    vocabulary = checkpoint / "pieces.txt"
    vocabulary.write_text("\n".join(pieces), encoding="utf-8")
    tokenizer = BertTokenizer(str(vocabulary), model_max_length=32)
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
    BertForSequenceClassification(config).save_pretrained(checkpoint / "encoder")
    tokenizer.save_pretrained(checkpoint / "encoder")
    torch.manual_seed(DECODER_SEED)
    size = DecoderConfig(
        vocab_size=len(pieces),
        hidden_size=8,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=24,
        initializer_range=0.9,  # large: small weights would write one word for ever
    )
    tokens = TextTokens(start=2, end=3, pad=0)
    save_decoder(checkpoint / "decoder", GPTDecoder(size), tokenizer, tokens)


if __name__ == "__main__":
    make(OUT)
