"""Decoder folders: ours open in transformers, theirs open here, and what is wrong is said."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import (
    AutoConfig,
    BertConfig,
    BertForSequenceClassification,
    EncoderDecoderConfig,
    EncoderDecoderModel,
    GPT2Config,
    GPT2LMHeadModel,
)

from training.checkpoints.classifier import save_classifier
from training.checkpoints.hybrid import (
    TextTokens,
    load_decoder,
    load_hybrid,
    read_generation,
    read_text_tokens,
    save_decoder,
)
from training.model.classifier import BERTClassifier
from training.model.config import ClassifierConfig, DecoderConfig, EncoderConfig
from training.model.decoder import GPTDecoder

CLOSE = {"atol": 1e-5, "rtol": 0}
TOKENS = TextTokens(start=2, end=3, pad=0)
SOURCE = torch.tensor([[2, 9, 8, 7, 3], [2, 6, 3, 0, 0]])
TARGET = torch.tensor([[2, 11, 12, 13], [2, 14, 3, 0]])
PLAIN = {"vocab_size": 40, "n_embd": 24, "n_layer": 2, "n_head": 3, "n_positions": 16}


@pytest.fixture
def checkpoint(tmp_path: Path, tokenizer) -> Path:
    """A random classifier with a random decoder, wide so that maps are far from uniform."""
    torch.manual_seed(0)
    size = {"vocab_size": len(tokenizer), "hidden_size": 24, "num_hidden_layers": 2}
    size |= {"num_attention_heads": 3, "intermediate_size": 40, "max_position_embeddings": 32}
    encoder = EncoderConfig(**size, initializer_range=0.3)
    decoder = DecoderConfig(**size, initializer_range=0.3)
    folder = tmp_path / "hybrid"
    for part in ("encoder", "decoder"):
        (folder / part).mkdir(parents=True)
    classifier = BERTClassifier(ClassifierConfig(encoder=encoder, labels=("bad", "good")))
    save_classifier(folder / "encoder", classifier, tokenizer)
    save_decoder(folder / "decoder", GPTDecoder(decoder), tokenizer, TOKENS)
    return folder


def ours_on(folder: Path) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
    with torch.no_grad():
        found = load_hybrid(folder)(SOURCE, SOURCE != 0, TARGET)
    return found.logits, found.decoded.cross_weights


def test_the_pair_opens_in_transformers_and_writes_alike(checkpoint: Path) -> None:
    theirs = EncoderDecoderModel.from_encoder_decoder_pretrained(
        str(checkpoint / "encoder"),
        str(checkpoint / "decoder"),
        encoder_attn_implementation="eager",
        decoder_attn_implementation="eager",
    ).eval()

    with torch.no_grad():
        expected = theirs(
            input_ids=SOURCE,
            attention_mask=(SOURCE != 0).long(),
            decoder_input_ids=TARGET,
            output_attentions=True,
        )
    logits, maps = ours_on(checkpoint)

    torch.testing.assert_close(logits, expected.logits, **CLOSE)
    assert len(expected.cross_attentions) == len(maps) == 2
    for ours, map_ in zip(maps, expected.cross_attentions, strict=True):
        torch.testing.assert_close(ours, map_, **CLOSE)


def test_the_decoder_alone_opens_in_transformers_with_nothing_missing_or_left_over(
    checkpoint: Path,
) -> None:
    theirs, told = GPT2LMHeadModel.from_pretrained(checkpoint / "decoder", output_loading_info=True)

    assert not told["missing_keys"]
    assert not told["unexpected_keys"]
    assert theirs.generation_config.eos_token_id == 3
    assert theirs.generation_config.decoder_start_token_id == 2
    assert theirs.config.pad_token_id == 0


def test_a_decoder_comes_back_bit_for_bit(checkpoint: Path, tmp_path: Path, tokenizer) -> None:
    again = tmp_path / "again"
    again.mkdir()
    save_decoder(again, load_decoder(checkpoint / "decoder"), tokenizer, TOKENS)

    for file in ("model.safetensors", "config.json", "generation_config.json"):
        assert (again / file).read_bytes() == (checkpoint / "decoder" / file).read_bytes()


@pytest.mark.parametrize(
    ("reads", "widths"),
    [("bert", (24, 24)), ("bert", (24, 36)), ("roberta", (24, 24)), ("electra", (24, 36))],
)
def test_a_foreign_encoder_decoder_opens_here(
    tmp_path: Path, reads: str, widths: tuple[int, int]
) -> None:
    torch.manual_seed(1)
    encoder = AutoConfig.for_model(
        reads,
        vocab_size=40,
        pad_token_id=0,
        hidden_size=widths[0],
        num_hidden_layers=2,
        num_attention_heads=3,
        intermediate_size=30,
        initializer_range=0.3,
    )
    decoder = GPT2Config(
        **{**PLAIN, "vocab_size": 50, "n_embd": widths[1]},
        initializer_range=0.3,
        bos_token_id=1,
        eos_token_id=4,
    )
    config = EncoderDecoderConfig.from_encoder_decoder_configs(encoder, decoder)
    config.decoder_start_token_id, config.pad_token_id = 2, 0
    theirs = EncoderDecoderModel(config).eval()
    theirs.save_pretrained(tmp_path / "foreign")

    with torch.no_grad():
        expected = theirs(
            input_ids=SOURCE, attention_mask=(SOURCE != 0).long(), decoder_input_ids=TARGET
        ).logits
    logits, _ = ours_on(tmp_path / "foreign")

    torch.testing.assert_close(logits, expected, **CLOSE)
    assert (load_hybrid(tmp_path / "foreign").bridge is None) == (widths[0] == widths[1])
    assert read_text_tokens(tmp_path / "foreign") == TextTokens(start=2, end=4, pad=0)


def test_a_plain_gpt2_with_the_names_of_old_versions_opens(tmp_path: Path) -> None:
    torch.manual_seed(2)
    theirs = GPT2LMHeadModel(GPT2Config(**PLAIN)).eval()
    theirs.save_pretrained(tmp_path)
    old = {
        name.removeprefix("transformer."): tensor
        for name, tensor in load_file(tmp_path / "model.safetensors").items()
    }
    old["h.0.attn.bias"] = torch.ones(1, 1, 16, 16)  # a causal mask, once saved with the weights
    save_file(old, tmp_path / "model.safetensors")

    with torch.no_grad():
        decoder, expected = load_decoder(tmp_path), theirs(TARGET).logits
        found = decoder.logits(decoder(TARGET).hidden)

    torch.testing.assert_close(found, expected, **CLOSE)


def test_missing_and_unknown_weights_are_named_as_on_disk(checkpoint: Path) -> None:
    path = checkpoint / "decoder" / "model.safetensors"
    weights = load_file(path)
    del weights["transformer.h.1.attn.c_attn.weight"]
    weights["transformer.h.0.moe.weight"] = torch.zeros(2)
    save_file(weights, path)

    with pytest.raises(
        ValueError,
        match=r"missing: transformer\.h\.1\.attn\.c_attn\.weight; unknown: transformer\.h\.0\.moe",
    ):
        load_decoder(checkpoint / "decoder")
    with pytest.raises(ValueError, match=r"missing: decoder\.transformer\.h\.1\.attn\.c_attn"):
        load_hybrid(checkpoint)


def test_a_decoder_that_reads_no_source_is_sent_to_training(tmp_path: Path) -> None:
    GPT2LMHeadModel(GPT2Config(**PLAIN)).save_pretrained(tmp_path)
    written = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**written, "add_cross_attention": True}))

    with pytest.raises(ValueError, match=r"does not read a source; .*train_hybrid\.py"):
        load_decoder(tmp_path)


def test_a_checkpoint_without_a_decoder_says_how_to_make_one(checkpoint: Path) -> None:
    (checkpoint / "decoder").rename(checkpoint / "elsewhere")

    with pytest.raises(FileNotFoundError, match=rf"train_hybrid\.py {checkpoint}"):
        load_hybrid(checkpoint)


def test_a_model_of_another_kind_is_refused_by_its_type(tmp_path: Path) -> None:
    config = BertConfig(vocab_size=40, hidden_size=8, num_hidden_layers=1, num_attention_heads=2)
    BertForSequenceClassification(config).save_pretrained(tmp_path)

    with pytest.raises(ValueError, match="a model of type 'bert'; expected"):
        load_hybrid(tmp_path)


def test_a_folder_that_names_no_end_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "gpt2", "bos_token_id": 1}))

    with pytest.raises(ValueError, match="does not say which token ends a text"):
        read_text_tokens(tmp_path)


# What transformers 4 wrote into every config, and into both that are nested in an EncoderDecoder's.
WRITTEN_BY_4 = {
    "add_cross_attention": False, "bad_words_ids": None, "begin_suppress_tokens": None,
    "bos_token_id": None, "cross_attention_hidden_size": None, "decoder_start_token_id": None,
    "diversity_penalty": 0.0, "do_sample": False, "early_stopping": False,
    "encoder_no_repeat_ngram_size": 0, "eos_token_id": None, "finetuning_task": None,
    "forced_bos_token_id": None, "is_decoder": False, "length_penalty": 1.0, "max_length": 20,
    "min_length": 0, "no_repeat_ngram_size": 0, "num_beam_groups": 1, "num_beams": 1,
    "num_return_sequences": 1, "output_scores": False, "pad_token_id": None, "prefix": None,
    "problem_type": None, "pruned_heads": {}, "remove_invalid_values": False,
    "repetition_penalty": 1.0, "return_dict_in_generate": False, "sep_token_id": None,
    "suppress_tokens": None, "task_specific_params": None, "temperature": 1.0,
    "tf_legacy_loss": False, "tie_encoder_decoder": False, "tokenizer_class": None, "top_k": 50,
    "top_p": 1.0, "torch_dtype": None, "torchscript": False, "transformers_version": "4.20.1",
    "typical_p": 1.0, "use_bfloat16": False,
}  # fmt: skip


@pytest.fixture
def of_transformers_4(tmp_path: Path) -> Path:
    """An EncoderDecoderModel whose start stands in the decoder's `bos_token_id` alone."""
    torch.manual_seed(1)
    size = {"num_hidden_layers": 2, "num_attention_heads": 3, "hidden_size": 24}
    reads = BertConfig(vocab_size=40, intermediate_size=30, initializer_range=1.0, **size)
    writes = GPT2Config(**PLAIN, initializer_range=1.0, bos_token_id=7, eos_token_id=4)
    config = EncoderDecoderConfig.from_encoder_decoder_configs(reads, writes)
    EncoderDecoderModel(config).save_pretrained(tmp_path)
    (tmp_path / "generation_config.json").unlink()
    written = json.loads((tmp_path / "config.json").read_text())
    marks = {"bos_token_id": 7, "eos_token_id": 4, "is_decoder": True, "add_cross_attention": True}
    halves = {
        "encoder": {**written["encoder"], **WRITTEN_BY_4, "pad_token_id": 0},
        "decoder": {**written["decoder"], **WRITTEN_BY_4, **marks, "n_ctx": 16},
    }
    whole = {**written, **WRITTEN_BY_4, "is_encoder_decoder": True, **halves}
    (tmp_path / "config.json").write_text(json.dumps(whole))
    return tmp_path


def test_a_folder_of_transformers_4_writes_what_generate_writes(of_transformers_4: Path) -> None:
    theirs = EncoderDecoderModel.from_pretrained(of_transformers_4).eval()
    mask = SOURCE != 0
    expected = theirs.generate(SOURCE, attention_mask=mask.long(), do_sample=False, max_length=10)

    ours, tokens = load_hybrid(of_transformers_4), read_text_tokens(of_transformers_4)

    assert tokens == TextTokens(start=7, end=4, pad=4)
    assert read_generation(of_transformers_4)["max_length"] == 20
    found = torch.full((len(SOURCE), 1), tokens.start)
    with torch.no_grad():
        while found.shape[1] < 10:
            scores = ours(SOURCE, mask, found).logits[:, -1:]
            found = torch.cat([found, scores.argmax(dim=-1)], dim=1)
    assert len(found.unique()) > 4
    assert 4 not in found, "neither text has ended"
    assert torch.equal(found, expected)


@pytest.mark.parametrize(
    ("nested", "outer", "own", "expected"),
    [
        ({"bos_token_id": 1, "eos_token_id": 2}, {"bos_token_id": None}, None, (1, 2, 2)),
        ({"bos_token_id": 1, "eos_token_id": 2}, {"decoder_start_token_id": 5}, None, (5, 2, 2)),
        ({"decoder_start_token_id": None, "bos_token_id": 1}, {"eos_token_id": 0}, None, (1, 0, 0)),
        # A file of its own comes first, whatever it calls the start: `generate` reads no other.
        ({"bos_token_id": 1}, {"decoder_start_token_id": 5}, {"bos_token_id": 6}, (6, 2, 0)),
        ({"eos_token_id": 9, "pad_token_id": 3}, {"bos_token_id": 1}, None, (1, 9, 3)),
    ],
)
def test_tokens_are_looked_for_as_generate_looks(
    tmp_path: Path, nested: dict, outer: dict, own: dict | None, expected: tuple[int, int, int]
) -> None:
    (tmp_path / "config.json").write_text(json.dumps({**outer, "decoder": nested}))
    if own:
        own = {**own, "eos_token_id": [2, 3], "pad_token_id": 0}
        (tmp_path / "generation_config.json").write_text(json.dumps(own))

    assert read_text_tokens(tmp_path) == TextTokens(*expected)


@pytest.mark.parametrize("start", ["<s>", True, [], [1, 2], 1.5])
def test_a_token_that_is_no_number_is_refused(tmp_path: Path, start: object) -> None:
    written = {"decoder_start_token_id": start, "eos_token_id": 2}
    (tmp_path / "config.json").write_text(json.dumps(written))

    with pytest.raises(ValueError, match="the token that begins a text is"):
        read_text_tokens(tmp_path)


@pytest.mark.parametrize(
    ("half", "message"),
    [
        ({"model_type": "bert", "hidden_act": "gelu"}, "of type 'bert'; only gpt2 is implemented"),
        (
            {"model_type": "bart", "architectures": ["BartForCausalLM"]},
            r"\(BartForCausalLM, a causal language model\); only gpt2 is implemented",
        ),
        (None, "decoder is None in it; expected that half's own config"),
        ({"model_type": "gpt2", "n_embd": 24, "hidden_size": 12}, "n_embd 24 and hidden_size 12"),
        ({"model_type": "gpt2", "n_layer": 10**9}, "says 1000000000 layers, the weights .* have 2"),
        ({"model_type": "gpt2", "n_positions": 10**12}, "asks for max_position_embeddings 1000000"),
    ],
)
def test_another_decoder_is_refused_in_a_sentence(
    of_transformers_4: Path, half: dict | None, message: str
) -> None:
    config = of_transformers_4 / "config.json"
    written = json.loads(config.read_text())
    if half and half["model_type"] == "gpt2":
        half = {**written["decoder"], **half}
    config.write_text(json.dumps({**written, "decoder": half}))

    with pytest.raises(ValueError, match=message) as told:
        load_hybrid(of_transformers_4)

    assert len(str(told.value)) < 400
