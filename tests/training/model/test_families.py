"""BERT's relatives: `transformers` gives the same logits, maps and gradients, both ways round."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModel, AutoModelForSequenceClassification, PreTrainedModel
from transformers.models.mpnet.modeling_mpnet import MPNetEncoder

from training.checkpoints.classifier import load_classifier, save_classifier, start_classifier
from training.checkpoints.hf_names import FAMILIES
from training.checkpoints.hf_weights import encoder_names
from training.model.encoder import DistanceBias
from training.runs.hybrid import new_hybrid

PAD = 1
NAMES = {
    "distilbert": {
        "hidden_size": "dim",
        "num_hidden_layers": "n_layers",
        "num_attention_heads": "n_heads",
        "intermediate_size": "hidden_dim",
    }
}
KINDS = {
    "distilbert": {"model_type": "distilbert"},
    "roberta": {"model_type": "roberta", "type_vocab_size": 1},
    "roberta with segments": {"model_type": "roberta", "type_vocab_size": 2},
    "xlm-roberta": {"model_type": "xlm-roberta", "type_vocab_size": 1},
    "electra": {"model_type": "electra", "embedding_size": 12},
    "electra of one width": {"model_type": "electra", "embedding_size": 24},
    "mpnet": {"model_type": "mpnet"},
}
kinds = pytest.mark.parametrize("kind", KINDS)


def make_config(model_type: str, **settings: Any) -> Any:
    size = {
        "vocab_size": 40,
        "hidden_size": 24,
        "num_hidden_layers": 2,
        "num_attention_heads": 3,
        "intermediate_size": 20,
        "max_position_embeddings": 16,
        "initializer_range": 0.5,  # wide, so that maps are far from uniform
        "pad_token_id": PAD,
        **settings,
    }
    names = NAMES.get(model_type, {})
    return AutoConfig.for_model(model_type, **{names.get(n, n): v for n, v in size.items()})


def reference(kind: str, folder: Path, **settings: Any) -> PreTrainedModel:
    """A random classifier of transformers, saved into the folder."""
    torch.manual_seed(len(kind))
    config = make_config(**{"num_labels": 3, **KINDS[kind], **settings})
    model = AutoModelForSequenceClassification.from_config(config, attn_implementation="eager")
    for name, parameter in model.named_parameters():
        if name.endswith("bias"):  # drawn as zeros: a bias at the wrong place would not show
            torch.nn.init.normal_(parameter)
    model.save_pretrained(folder)
    return model.eval()


def batch(padding: str) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Ids, with a padding id also inside of the text, padding mask, segments."""
    generator = torch.Generator().manual_seed(1)
    token_ids = torch.randint(2, 40, (3, 11), generator=generator)
    segment_ids = torch.randint(0, 2, (3, 11), generator=generator)
    mask = torch.ones(3, 11, dtype=torch.bool)
    if padding == "right":
        mask[1, 4:] = mask[2, 10:] = False
    if padding == "left":
        mask[1, :7] = mask[2, :1] = False
    token_ids[~mask] = PAD
    token_ids[0, 5] = PAD
    return token_ids, mask, segment_ids


def their_inputs(kind: str, padding: str) -> dict[str, torch.Tensor]:
    token_ids, mask, segment_ids = batch(padding)
    given = {"input_ids": token_ids, "attention_mask": mask}
    segments = KINDS[kind]["model_type"] == "electra" or KINDS[kind].get("type_vocab_size") == 2
    return {**given, "token_type_ids": segment_ids} if segments else given


@pytest.mark.parametrize("padding", ["none", "right", "left"])
@kinds
def test_logits_and_maps_equal_those_of_transformers(
    kind: str, padding: str, tmp_path: Path
) -> None:
    theirs = reference(kind, tmp_path)
    ours = load_classifier(tmp_path)

    expected = theirs(**their_inputs(kind, padding), output_attentions=True)
    found = ours(*batch(padding))

    assert len(expected.attentions) == 2 == len(found.weights)
    torch.testing.assert_close(found.logits, expected.logits, atol=1e-5, rtol=0)
    alone = ours.answers(*batch(padding))
    torch.testing.assert_close(alone, expected.logits, atol=1e-5, rtol=0)
    for map_found, map_expected in zip(found.weights, expected.attentions, strict=True):
        torch.testing.assert_close(map_found, map_expected, atol=1e-5, rtol=0)


@kinds
def test_gradients_equal_those_of_transformers(kind: str, tmp_path: Path) -> None:
    theirs = reference(kind, tmp_path).double()  # in float32 the two orders of summation show
    ours = load_classifier(tmp_path).double()
    # Only the rows that are used: a padding row's gradient is set to 0 in both.
    found = ours(*batch("right"))
    (found.logits.square().sum() + found.weights[-1].square().sum()).backward()
    expected = theirs(**their_inputs(kind, "right"), output_attentions=True)
    (expected.logits.square().sum() + expected.attentions[-1].square().sum()).backward()

    gradients = encoder_names(ours.config.encoder.model_type).to_hf(
        {name: p.grad for name, p in ours.named_parameters() if p.grad is not None}
    )
    assert set(gradients) == {name for name, _ in theirs.named_parameters()}
    for name, parameter in theirs.named_parameters():
        torch.testing.assert_close(gradients[name], parameter.grad, atol=1e-5, rtol=0, msg=name)


@kinds
def test_what_we_save_opens_in_transformers_with_the_same_numbers(
    kind: str, tmp_path: Path, tokenizer
) -> None:
    reference(kind, tmp_path, problem_type="multi_label_classification")
    ours = load_classifier(tmp_path)
    again = tmp_path / "again"
    again.mkdir()

    save_classifier(again, ours, tokenizer)

    theirs, report = AutoModelForSequenceClassification.from_pretrained(
        again, attn_implementation="eager", output_loading_info=True
    )
    assert not any(report.values()), report
    assert type(theirs).__name__ == FAMILIES[KINDS[kind]["model_type"]].architecture
    expected = theirs.eval()(**their_inputs(kind, "right")).logits
    torch.testing.assert_close(ours(*batch("right")).logits, expected, atol=1e-5, rtol=0)
    assert load_classifier(again).config == ours.config


@kinds
def test_names_of_old_checkpoints_are_understood(kind: str, tmp_path: Path) -> None:
    theirs = reference(kind, tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    prefix = f"{theirs.base_model_prefix}."
    old = {
        name.removeprefix(prefix)
        .replace("LayerNorm.weight", "LayerNorm.gamma")
        .replace("LayerNorm.bias", "LayerNorm.beta"): tensor
        for name, tensor in weights.items()
    }
    old["embeddings.position_ids"] = torch.arange(16)[None]
    unused = {
        "distilbert": "vocab_projector.bias",
        "roberta": "roberta.pooler.dense.weight",
        "electra": "discriminator_predictions.dense.weight",
        "mpnet": "mpnet.pooler.dense.weight",
    }
    old[unused[theirs.base_model_prefix]] = torch.zeros(24)
    save_file(old, tmp_path / "model.safetensors")
    config = json.loads((tmp_path / "config.json").read_text())
    del config["model_type"]  # the class name tells it
    if "dim" in config:
        config["hidden_size"] = config.pop("dim")
    (tmp_path / "config.json").write_text(json.dumps(config))

    found = load_classifier(tmp_path)(*batch("right"))

    expected = theirs(**their_inputs(kind, "right")).logits
    torch.testing.assert_close(found.logits, expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("model_type", ["distilbert", "roberta", "electra", "mpnet"])
def test_a_plain_encoder_is_a_start_but_no_classifier(model_type: str, tmp_path: Path) -> None:
    config = make_config(**KINDS[model_type])
    AutoModel.from_config(config).save_pretrained(tmp_path)

    with pytest.raises(ValueError, match="holds a plain encoder, without a trained"):
        load_classifier(tmp_path)
    model, new = start_classifier(tmp_path, labels=["a", "b"])

    assert new == ["pooler.weight", "pooler.bias", "head.weight", "head.bias"]
    model(*batch("right")).logits.sum().backward()  # trains: no parameter is left out
    assert all(p.grad is not None for p in model.parameters())


def test_a_sequence_that_is_longer_than_the_table_is_refused(tmp_path: Path) -> None:
    reference("roberta", tmp_path)
    token_ids = torch.full((1, 15), 7)
    model = load_classifier(tmp_path)

    with pytest.raises(ValueError, match="15 tokens, the encoder takes at most 14"):
        model(token_ids, token_ids > 0)

    fits = token_ids[:, :14]
    assert model(fits, fits > 0).logits.isfinite().all()


def test_distances_are_put_into_rows_as_transformers_does_it() -> None:
    distances = torch.arange(-600, 601)

    expected = MPNetEncoder.relative_position_bucket(distances)

    assert [DistanceBias.row(distance) for distance in distances.tolist()] == expected.tolist()


def test_a_decoder_starts_with_the_positions_of_a_roberta(tmp_path: Path) -> None:
    reference("roberta", tmp_path)
    classifier = load_classifier(tmp_path)

    decoder = new_hybrid(classifier, layers=1, dropout=0.0).decoder

    rows = classifier.encoder.embeddings.position.weight
    assert torch.equal(decoder.position.weight, rows[PAD + 1 :])


def test_a_decoder_needs_embeddings_of_the_width_of_the_layers(tmp_path: Path) -> None:
    reference("electra", tmp_path)

    with pytest.raises(ValueError, match=r"embeddings are 12 wide and its layers 24 \(electra\)"):
        new_hybrid(load_classifier(tmp_path), layers=1, dropout=0.0)
