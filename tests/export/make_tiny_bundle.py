"""Makes tests/demo/tiny_bundle: a random classifier and decoder, 2 layers x 2 heads each, exported.

    python tests/export/make_tiny_bundle.py

It is committed so that the page's tests run without torch, and so that an old bundle of the same
format is opened at every test run. The labels mean nothing: the weights are random.
"""

import json
import shutil
import tempfile
from pathlib import Path

import onnx
import torch
from transformers import BertConfig, BertForSequenceClassification, BertTokenizer

from export.bundle import sha256
from export.decoder_graph import trace_decoder
from export.quantize import quantize
from export.to_onnx import main
from training.model.decoder import GPTDecoder
from training.model.decoder_config import DecoderConfig

OUT = Path(__file__).parents[1] / "demo" / "tiny_bundle"
WORDS = """
a the film story music is was not bad good dull bright and but it at all of in one so great ! ? , .
' - # $ & ( ) 0 1 2 é 好 电 影 😍 un ##ing ##ed ##ly ##s
"""
LETTERS = "abcdefghijklmnopqrstuvwxyz"
DECODER_SEED = 26
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
    add_decoder(out, len(pieces))


def add_decoder(out: Path, vocabulary: int) -> None:
    """Adds a random decoder, which starts with [CLS] and ends with [SEP], to the bundle."""
    torch.manual_seed(DECODER_SEED)
    config = DecoderConfig(
        vocab_size=vocabulary,
        hidden_size=8,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=24,
        initializer_range=0.9,  # large: small weights would write one word for ever
    )
    float32 = trace_decoder(GPTDecoder(config).eval())
    entries = {}
    for precision, suffix, graph in (
        ("float32", "", float32),
        ("8bit", "_quantized", quantize(float32)),
    ):
        file = f"onnx/decoder_model_merged{suffix}.onnx"
        onnx.save(graph, out / file)
        entries[precision] = {"file": file, "sha256": sha256(out / file)}
    _write_decoder_files(out, config)
    content = json.loads((out / "bundle.json").read_text("utf-8"))
    content["tasks"] = ["classify", "generate"]
    content["graphs"]["generate"] = entries
    content["decoder"] = {
        "layers": 2, "heads": 2, "hidden": 8, "vocabulary": vocabulary, "max_tokens": 24,
        "task": "restore", "metrics": {},
    }  # fmt: skip
    _write_json(out / "bundle.json", content)


def _write_decoder_files(out: Path, config: DecoderConfig) -> None:
    (out / "decoder").mkdir(exist_ok=True)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(out / name, out / "decoder" / name)
    ids = {"decoder_start_token_id": 2, "bos_token_id": 2, "eos_token_id": 3, "pad_token_id": 0}
    _write_json(out / "decoder" / "generation_config.json", ids)
    _write_json(out / "decoder" / "config.json", config.to_hf())


def _write_json(file: Path, content: object) -> None:
    file.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    make(OUT)
