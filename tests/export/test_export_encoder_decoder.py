"""Any EncoderDecoderModel of transformers, BERT and GPT-2, becomes a bundle that only writes."""

import json
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass
from functools import partial
from io import StringIO
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from tokenizers import ByteLevelBPETokenizer
from transformers import (
    AutoConfig,
    BertConfig,
    BertTokenizer,
    EncoderDecoderConfig,
    EncoderDecoderModel,
    GPT2Config,
    PreTrainedConfig,
    PreTrainedTokenizerFast,
    RobertaConfig,
)

from explorer.bundle import open_bundle
from explorer.inference.encoder import EncoderModel
from explorer.writing.generator import TextGenerator
from explorer.writing.settings import Settings
from export.loading.checkpoint import load_checkpoint
from export.runtime.session import open_session, run
from export.to_onnx import main
from export.verification.inputs import Sample, run_steps
from training.checkpoints.hf_config import encoder_from_hf

Save = Callable[..., Path]
START, END = 1, 2


@pytest.fixture(scope="session")
def bpe(tmp_path_factory: pytest.TempPathFactory) -> PreTrainedTokenizerFast:
    """A byte-level tokenizer as GPT-2's, of 300 tokens."""
    trained = ByteLevelBPETokenizer()
    trained.train_from_iterator(
        ["the film is not bad, the story is great"] * 9,
        vocab_size=300,
        special_tokens=["<pad>", "<s>", "</s>"],
    )
    file = tmp_path_factory.mktemp("bpe") / "tokenizer.json"
    trained.save(str(file))
    return PreTrainedTokenizerFast(
        tokenizer_file=str(file), bos_token="<s>", eos_token="</s>", pad_token="<pad>"
    )


def save_foreign(
    folder: Path,
    tokenizer: BertTokenizer,
    *,
    width: int = 16,
    words: int | None = None,
    encoder: Callable[..., PreTrainedConfig] = BertConfig,
    **settings: object,
) -> Path:
    """Writes a random model: `width` is the decoder's, its encoder is 16 wide; a layer each."""
    torch.manual_seed(3)
    reads = encoder(
        vocab_size=len(tokenizer), hidden_size=16, num_hidden_layers=1,
        num_attention_heads=2, intermediate_size=24, max_position_embeddings=32,
        initializer_range=0.5,
    )  # fmt: skip
    writes = GPT2Config(
        vocab_size=words or len(tokenizer), n_embd=width, n_layer=1, n_head=4, n_positions=20,
        initializer_range=0.5, bos_token_id=START, eos_token_id=END, **settings,
    )  # fmt: skip
    config = EncoderDecoderConfig.from_encoder_decoder_configs(reads, writes)
    config.decoder_start_token_id, config.pad_token_id = START, 0
    config.eos_token_id = END
    EncoderDecoderModel(config).eval().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture
def save(tokenizer: BertTokenizer, tmp_path: Path) -> Save:
    return partial(save_foreign, tmp_path / "foreign", tokenizer)


@dataclass(frozen=True)
class Exported:
    folder: Path
    bundle: Path
    told: str


@pytest.fixture(scope="module")
def exported(
    tokenizer: BertTokenizer,
    bpe: PreTrainedTokenizerFast,
    tmp_path_factory: pytest.TempPathFactory,
) -> Exported:
    """One whose decoder is wider than its encoder and has a tokenizer of its own."""
    place = tmp_path_factory.mktemp("unequal")
    folder = save_foreign(place / "foreign", tokenizer, width=28, words=300)
    bpe.save_pretrained(place / "bpe")
    examples = place / "examples.txt"
    examples.write_text("the film is not bad\nthe story was great and the film was bright\n")
    flags = ["--decoder-tokenizer", str(place / "bpe"), "--examples", str(examples)]
    with redirect_stdout(StringIO()) as told:
        assert main([str(folder), *flags, "--out", str(place / "bundle")]) == 0
    return Exported(folder, place / "bundle", told.getvalue())


def theirs_in(folder: Path) -> EncoderDecoderModel:
    return EncoderDecoderModel.from_pretrained(folder, attn_implementation="eager").eval()


def test_logits_self_and_cross_maps_are_those_of_the_original(exported: Exported) -> None:
    compare_with_original(exported.folder, exported.bundle)


@pytest.mark.slow
@pytest.mark.parametrize(
    "encoder", [BertConfig, partial(RobertaConfig, type_vocab_size=1)], ids=["BERT", "RoBERTa"]
)
def test_equal_widths_need_no_bridge_and_a_roberta_may_read(
    save: Save,
    bpe: PreTrainedTokenizerFast,
    tmp_path: Path,
    encoder: Callable[..., PreTrainedConfig],
) -> None:
    folder, out = save(words=300, encoder=encoder), tmp_path / "bundle"
    bpe.save_pretrained(folder / "decoder")

    assert main([str(folder), "--out", str(out)]) == 0

    compare_with_original(folder, out)


def compare_with_original(folder: Path, out: Path) -> None:
    theirs = theirs_in(folder)
    encoder, decoder = (
        open_session(out / "onnx" / f"{name}.onnx")
        for name in ("encoder_model", "decoder_model_merged")
    )
    random = np.random.default_rng(0)
    ids, target = random.integers(3, 70, (2, 7)), random.integers(0, 300, (2, 6))
    mask = np.ones((2, 7), np.int64)
    mask[1, 4:] = 0
    text = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
    read = run(encoder, {given.name: text[given.name] for given in encoder.get_inputs()})
    with torch.no_grad():
        expected = theirs(
            input_ids=torch.from_numpy(ids),
            attention_mask=torch.from_numpy(mask),
            decoder_input_ids=torch.from_numpy(target),
            output_attentions=True,
        )
    assert "logits" not in read
    assert len(expected.encoder_attentions) == 1
    assert len(expected.decoder_attentions) == len(expected.cross_attentions) == 1
    np.testing.assert_allclose(
        read["encoder_attentions.0"], expected.encoder_attentions[0], atol=1e-4
    )
    for pieces in ((6,), (1,) * 6, (3, 1, 2)):
        given = Sample(source=read["last_hidden_state"], mask=mask, target=target, pieces=pieces)
        stop = 0
        for piece, step in zip(pieces, run_steps(decoder, given), strict=True):
            start, stop = stop, stop + piece
            for name, whole in {
                "logits": expected.logits[:, start:stop],
                "decoder_attentions.0": expected.decoder_attentions[0][:, :, start:stop, :stop],
                "cross_attentions.0": expected.cross_attentions[0][:, :, start:stop],
            }.items():
                np.testing.assert_allclose(step[name], whole, atol=1e-4, err_msg=name)


def test_its_bundle_only_writes_with_the_decoders_own_tokenizer(
    exported: Exported, bpe: PreTrainedTokenizerFast
) -> None:
    folder, out = exported.folder, exported.bundle

    assert "2 of 2 as torch writes, token for token; from examples" in exported.told
    content = json.loads((out / "bundle.json").read_text())
    assert content["tasks"] == ["generate"]
    assert set(content["graphs"]) == {"encode", "generate"}
    assert not {"labels", "problem_type", "temperature"} & set(content)
    assert content["decoder"]["task"] == "generate"
    assert content["decoder"]["max_tokens"] == 20
    names = [value.name for value in onnx.load(out / "onnx" / "encoder_model.onnx").graph.output]
    assert names == ["last_hidden_state", "encoder_attentions.0", "encoder_value_norms.0"]
    generation = json.loads((out / "decoder" / "generation_config.json").read_text())
    assert (generation["decoder_start_token_id"], generation["eos_token_id"]) == (START, END)

    page_model = EncoderModel(open_bundle(out))
    generator, theirs = TextGenerator(page_model), theirs_in(folder)
    for text in ("the film is not bad", "a dull story"):
        *_, generation = generator.write(page_model.read(text), Settings(max_tokens=12))
        ids = torch.tensor([page_model.encode(text).ids])
        expected = theirs.generate(ids, do_sample=False, max_new_tokens=12)[0, 1:]
        assert [step.token_id for step in generation.steps] == expected.tolist()
        inside = [index for index in expected.tolist() if index not in (START, END)]
        assert generation.text == bpe.decode(inside)


@pytest.mark.slow
def test_without_examples_it_is_tried_on_random_token_ids(
    save: Save, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Encoder and decoder share a tokenizer here: their vocabularies are of one size."""
    out = tmp_path / "bundle"

    flags = ["--no-examples", "--quantize", "--allow-miss"]
    assert main([str(save()), "--out", str(out), *flags]) == 0

    told = capsys.readouterr().out
    assert "20 of 20 as torch writes, token for token; from random token ids" in told
    assert "64 of tokens at random" in told
    assert "  same label  " not in told, "such tokens have no label that means anything"
    assert "not measured: same label" in told
    content = json.loads((out / "bundle.json").read_text())
    assert content["graphs"]["generate"]["8bit"]["greedy"]["sources"] == 20
    assert open_bundle(out).decoder.graph.precision == "8bit"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"words": 300}, "one tokenizer, and its encoder 78 words, its decoder 300"),
        ({"scale_attn_by_inverse_layer_idx": True}, "scale_attn_by_inverse_layer_idx is True"),
        ({"activation_function": "relu"}, "activation_function is 'relu'"),
    ],
)
def test_what_is_not_implemented_is_refused_by_name(
    save: Save,
    tmp_path: Path,
    settings: dict,
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = save(**settings)

    assert main([str(folder), "--out", str(tmp_path / "bundle")]) == 2

    assert message in capsys.readouterr().err
    assert not (tmp_path / "bundle").exists()


@pytest.mark.parametrize(
    ("file", "change", "message"),
    [
        ("generation_config.json", {"eos_token_id": 999}, "999 as its end token; its decoder has"),
        (
            "config.json",
            {"decoder": {"add_cross_attention": False}},
            "add_cross_attention is False",
        ),
    ],
)
def test_a_folder_that_contradicts_itself_is_refused(
    save: Save,
    tmp_path: Path,
    file: str,
    change: dict,
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = save()
    content = json.loads((folder / file).read_text())
    for key, value in change.items():
        content[key] = {**content[key], **value} if isinstance(value, dict) else value
    (folder / file).write_text(json.dumps(content))

    assert main([str(folder), "--out", str(tmp_path / "bundle")]) == 2

    assert message in capsys.readouterr().err


def test_a_tokenizer_that_knows_more_than_the_decoder_is_refused(
    save: Save, bpe: PreTrainedTokenizerFast, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = save()
    bpe.save_pretrained(folder / "decoder")

    assert main([str(folder), "--out", str(tmp_path / "bundle")]) == 2

    told = capsys.readouterr().err
    assert f"the tokenizer in {folder / 'decoder'} has tokens up to the id 283" in told
    assert "its model knows those below 78" in told


def test_the_encoders_half_is_written_in_settings_that_are_read(save: Save, tmp_path: Path) -> None:
    folder = save()
    config = json.loads((folder / "config.json").read_text())
    config["encoder"] |= {
        "_name_or_path": "home/JANE/models/client",
        "task_specific_params": {"x": {"train_file": "/home/JANE/a.csv"}},
    }
    (folder / "config.json").write_text(json.dumps(config))

    written = load_checkpoint(str(folder)).encoder.config

    assert "JANE" not in json.dumps(written)
    assert encoder_from_hf(written) == encoder_from_hf(config["encoder"])
    (tmp_path / "config.json").write_text(json.dumps(written))
    theirs = AutoConfig.from_pretrained(tmp_path)
    assert (theirs.model_type, theirs.hidden_size, theirs.num_hidden_layers) == ("bert", 16, 1)
