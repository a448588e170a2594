"""A GGUF file is opened as the folder that it stands for."""

import json
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM

from bundle_format.folder import read_manifest
from export.loading import gguf_file
from export.loading.generators import load_generator
from export.loading.gguf_file import opened_source
from export.to_onnx import main
from training.checkpoints.classifier import load_tokenizer

WORDS = ["<unk>", "<s>", "</s>", "<|endoftext|>", *"abcdefghijklmnop", "Ġ", "Ġa", "de", "def"]
HIDDEN, HEADS, KEYS, INNER, LAYERS = 64, 4, 2, 96, 2
TEMPLATE = "{% for message in messages %}{{ message['content'] }}{% endfor %}"


@pytest.fixture(scope="module")
def gguf(skip_for_want) -> ModuleType:
    if find_spec("gguf") is None:
        skip_for_want("needs gguf: pip install -r export/requirements-formats.txt")
    import gguf

    return gguf


@pytest.fixture(scope="module")
def file(gguf: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random Llama of two layers, its matrices in blocks of 8 bit."""
    path = tmp_path_factory.mktemp("gguf") / "tiny.Q8_0.gguf"
    made = gguf.GGUFWriter(path, "llama")
    made.add_context_length(64)
    made.add_embedding_length(HIDDEN)
    made.add_block_count(LAYERS)
    made.add_feed_forward_length(INNER)
    made.add_head_count(HEADS)
    made.add_head_count_kv(KEYS)
    made.add_layer_norm_rms_eps(1e-5)
    made.add_vocab_size(len(WORDS))
    made.add_tokenizer_model("gpt2")
    made.add_tokenizer_pre("default")
    made.add_token_list(WORDS)
    made.add_token_types([3] * 4 + [1] * (len(WORDS) - 4))
    made.add_token_merges(["d e", "de f", "Ġ a"])
    made.add_bos_token_id(1)
    made.add_eos_token_id(2)
    made.add_unk_token_id(0)
    made.add_chat_template(TEMPLATE)
    random = np.random.default_rng(0)
    for name, shape in shapes().items():
        numbers = 0.3 * random.standard_normal(shape, np.float32)
        if len(shape) == 1:
            made.add_tensor(name, numbers)
        else:
            kind = gguf.GGMLQuantizationType.Q8_0
            made.add_tensor(name, gguf.quantize(numbers, kind), raw_dtype=kind)
    for write in ("header_to_file", "kv_data_to_file", "tensors_to_file"):
        getattr(made, f"write_{write}")()
    made.close()
    return path


def shapes() -> dict[str, tuple[int, ...]]:
    keys = HIDDEN // HEADS * KEYS
    found: dict[str, tuple[int, ...]] = {
        "token_embd.weight": (len(WORDS), HIDDEN),
        "output_norm.weight": (HIDDEN,),
    }
    for layer in range(LAYERS):
        matrices = {
            "attn_q": (HIDDEN, HIDDEN),
            "attn_k": (keys, HIDDEN),
            "attn_v": (keys, HIDDEN),
            "attn_output": (HIDDEN, HIDDEN),
            "ffn_gate": (INNER, HIDDEN),
            "ffn_up": (INNER, HIDDEN),
            "ffn_down": (HIDDEN, INNER),
            "attn_norm": (HIDDEN,),
            "ffn_norm": (HIDDEN,),
        }
        found |= {f"blk.{layer}.{name}.weight": shape for name, shape in matrices.items()}
    return found


def test_weights_tokenizer_and_ends_are_the_files(file: Path, gguf: ModuleType) -> None:
    with opened_source(str(file)) as source:
        loaded = source.named(load_generator(source.folder))
        again = AutoModelForCausalLM.from_pretrained(source.folder)
        tokenizer = load_tokenizer(source.folder)
    assert not Path(source.folder).exists()

    table = next(one for one in gguf.GGUFReader(file).tensors if one.name == "token_embd.weight")
    exact = torch.from_numpy(gguf.dequantize(table.data, table.tensor_type))
    assert torch.equal(again.get_input_embeddings().weight, exact)
    assert tokenizer("def a").input_ids == [23, 21]
    assert tokenizer.chat_template == TEMPLATE
    assert loaded.generator
    assert loaded.generator.folder == file
    assert loaded.generator.generation["eos_token_id"] == 2
    assert loaded.generator.sizes.num_key_value_heads == KEYS
    assert "GGUF file stands for (F32, Q8_0)" in loaded.assumed[0]


def test_a_folder_with_one_such_file_is_that_file(file: Path) -> None:
    with opened_source(str(file.parent)) as source:
        assert source.file == file


@pytest.mark.slow
def test_it_becomes_a_bundle_that_names_the_file(file: Path, tmp_path: Path) -> None:
    out = tmp_path / "bundle"

    assert main([str(file), "--out", str(out)]) == 0

    manifest = read_manifest(out)
    assert manifest.title == "tiny.Q8_0"
    noted = json.loads((out / "bundle.json").read_text())["checkpoint"]
    assert [*noted["weights_sha256"]] == [file.name]
    assert manifest.graphs.generate["float32"].greedy.same_text == 1.0
    assert (out / "chat_template.jinja").read_text() == TEMPLATE


def test_without_the_package_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "some.gguf").write_bytes(b"GGUF")
    monkeypatch.setattr(gguf_file, "find_spec", lambda name: None)

    assert main([str(tmp_path / "some.gguf"), "--out", str(tmp_path / "bundle")]) == 2

    assert "pip install -r export/requirements-formats.txt" in capsys.readouterr().err


def test_of_several_files_none_is_guessed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("one.gguf", "two.gguf"):
        (tmp_path / name).write_bytes(b"GGUF")

    assert main([str(tmp_path), "--out", str(tmp_path / "out" / "bundle")]) == 2

    assert "has 2 GGUF files (one.gguf, two.gguf)" in capsys.readouterr().err


@pytest.mark.usefixtures("gguf")
def test_a_file_that_is_cut_off_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "cut.gguf").write_bytes(b"GGUF\x03\x00\x00\x00")

    assert main([str(tmp_path / "cut.gguf"), "--out", str(tmp_path / "out" / "bundle")]) == 2

    assert "transformers cannot read" in (said := capsys.readouterr().err)
    assert "cut.gguf" in said
