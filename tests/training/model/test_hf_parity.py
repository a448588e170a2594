"""The same weights in `transformers` give the same logits, maps and gradients, both ways round."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import BertConfig, BertForSequenceClassification, BertModel

from training.checkpoints.classifier import load_classifier, save_classifier, start_classifier
from training.checkpoints.hf_weights import encoder_names
from training.model.classifier import BERTClassifier
from training.model.config import ClassifierConfig, EncoderConfig

SIZES = [
    {"hidden_size": 8, "num_attention_heads": 2, "num_hidden_layers": 1, "intermediate_size": 16},
    {"hidden_size": 24, "num_attention_heads": 3, "num_hidden_layers": 3, "intermediate_size": 20},
    {"hidden_size": 32, "num_attention_heads": 1, "num_hidden_layers": 2, "intermediate_size": 64},
]
IDS = ["1 layer x 2 heads", "3 layers x 3 heads", "2 layers x 1 head"]


def reference(size: dict[str, int], **settings: object) -> BertForSequenceClassification:
    torch.manual_seed(size["hidden_size"])
    config = BertConfig(
        **{
            "vocab_size": 40,
            "max_position_embeddings": 20,
            "num_labels": 3,
            "initializer_range": 0.5,  # wide, so that maps are far from uniform
            "attn_implementation": "eager",
            **size,
            **settings,
        }
    )
    return BertForSequenceClassification(config).eval()


def batch(padding: str) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    token_ids = torch.randint(0, 40, (3, 11), generator=generator)
    segment_ids = torch.randint(0, 2, (3, 11), generator=generator)
    mask = torch.ones(3, 11, dtype=torch.bool)
    if padding == "right":
        mask[1, 4:] = mask[2, 10:] = False
    if padding == "left":
        mask[1, :7] = mask[2, :1] = False
    return token_ids, mask, segment_ids


@pytest.mark.parametrize("padding", ["none", "right", "left"])
@pytest.mark.parametrize("size", SIZES, ids=IDS)
def test_logits_maps_and_gradients_equal_those_of_transformers(
    size: dict[str, int], padding: str, tmp_path: Path
) -> None:
    theirs = reference(size)
    theirs.save_pretrained(tmp_path)
    ours = load_classifier(tmp_path)
    token_ids, mask, segment_ids = batch(padding)

    expected = theirs(
        token_ids, attention_mask=mask, token_type_ids=segment_ids, output_attentions=True
    )
    found = ours(token_ids, mask, segment_ids)

    assert len(expected.attentions) == size["num_hidden_layers"] == len(found.weights)
    torch.testing.assert_close(found.logits, expected.logits, atol=1e-5, rtol=0)
    for map_found, map_expected in zip(found.weights, expected.attentions, strict=True):
        torch.testing.assert_close(map_found, map_expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("padding", ["none", "right", "left"])
@pytest.mark.parametrize("size", SIZES, ids=IDS)
def test_gradients_equal_those_of_transformers(
    size: dict[str, int], padding: str, tmp_path: Path
) -> None:
    theirs = reference(size).double()  # in float32 the two orders of summation show
    theirs.save_pretrained(tmp_path)
    ours = load_classifier(tmp_path).double()
    token_ids, mask, segment_ids = batch(padding)

    # A loss that reads the maps too, so that their gradients are compared as well.
    found = ours(token_ids, mask, segment_ids)
    (found.logits.square().sum() + found.weights[-1].square().sum()).backward()
    expected = theirs(
        token_ids, attention_mask=mask, token_type_ids=segment_ids, output_attentions=True
    )
    (expected.logits.square().sum() + expected.attentions[-1].square().sum()).backward()

    gradients = encoder_names().to_hf(
        {name: p.grad for name, p in ours.named_parameters() if p.grad is not None}
    )
    assert set(gradients) == {name for name, _ in theirs.named_parameters()}
    for name, parameter in theirs.named_parameters():
        torch.testing.assert_close(gradients[name], parameter.grad, atol=1e-5, rtol=0)


def test_without_segment_ids_all_tokens_are_of_the_first_text(tmp_path: Path) -> None:
    theirs = reference(SIZES[0])
    theirs.save_pretrained(tmp_path)
    token_ids, mask, _ = batch("right")

    found = load_classifier(tmp_path)(token_ids, mask)

    expected = theirs(token_ids, attention_mask=mask)
    torch.testing.assert_close(found.logits, expected.logits, atol=1e-5, rtol=0)


@pytest.mark.parametrize("layer", range(3))
def test_a_head_mask_removes_a_head_of_theirs_whose_columns_are_zeroed(
    layer: int, tmp_path: Path
) -> None:
    theirs = reference(SIZES[1])
    theirs.save_pretrained(tmp_path)
    token_ids, mask, segment_ids = batch("right")
    head, depth = 1, 8
    head_mask = torch.ones(1, 3, 3)
    head_mask[0, layer, head] = 0
    projection = theirs.bert.encoder.layer[layer].attention.output.dense
    with torch.no_grad():
        projection.weight[:, head * depth : (head + 1) * depth] = 0

    found = load_classifier(tmp_path)(token_ids, mask, segment_ids, head_mask)

    expected = theirs(
        token_ids, attention_mask=mask, token_type_ids=segment_ids, output_attentions=True
    )
    torch.testing.assert_close(found.logits, expected.logits, atol=1e-5, rtol=0)
    for map_found, map_expected in zip(found.weights, expected.attentions, strict=True):
        torch.testing.assert_close(map_found, map_expected, atol=1e-5, rtol=0)


def test_what_we_save_opens_in_transformers_with_the_same_numbers(
    tmp_path: Path, tokenizer
) -> None:
    torch.manual_seed(3)
    size = EncoderConfig(vocab_size=len(tokenizer), max_position_embeddings=20, **SIZES[1])
    ours = BERTClassifier(ClassifierConfig(encoder=size, labels=("bad", "good", "so so"))).eval()
    token_ids, mask, segment_ids = batch("right")
    token_ids = token_ids % len(tokenizer)

    save_classifier(tmp_path, ours, tokenizer)
    theirs, report = BertForSequenceClassification.from_pretrained(
        tmp_path, attn_implementation="eager", output_loading_info=True
    )

    assert not any(report.values()), report
    assert theirs.config.id2label == {0: "bad", 1: "good", 2: "so so"}
    expected = theirs.eval()(token_ids, attention_mask=mask, token_type_ids=segment_ids)
    found = ours(token_ids, mask, segment_ids)
    torch.testing.assert_close(found.logits, expected.logits, atol=1e-5, rtol=0)


def test_every_weight_name_goes_to_theirs_and_back(tmp_path: Path) -> None:
    theirs = reference(SIZES[1])
    theirs.save_pretrained(tmp_path)

    ours = load_classifier(tmp_path).state_dict()

    assert set(encoder_names().to_hf(ours)) == set(theirs.state_dict())
    assert set(encoder_names().from_hf(encoder_names().to_hf(ours))) == set(ours)


def test_names_of_old_checkpoints_are_understood(tmp_path: Path) -> None:
    theirs = reference(SIZES[0])
    theirs.save_pretrained(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    old = {
        name.removeprefix("bert.")
        .replace("LayerNorm.weight", "LayerNorm.gamma")
        .replace("LayerNorm.bias", "LayerNorm.beta"): tensor
        for name, tensor in weights.items()
    }
    old["embeddings.position_ids"] = torch.arange(20)[None]
    old["cls.predictions.bias"] = torch.zeros(40)
    save_file(old, tmp_path / "model.safetensors")
    token_ids, mask, segment_ids = batch("right")

    found = load_classifier(tmp_path)(token_ids, mask, segment_ids)

    expected = theirs(token_ids, attention_mask=mask, token_type_ids=segment_ids)
    torch.testing.assert_close(found.logits, expected.logits, atol=1e-5, rtol=0)


def test_a_plain_encoder_is_a_start_but_no_classifier(tmp_path: Path) -> None:
    reference(SIZES[0])
    config = BertConfig(vocab_size=40, max_position_embeddings=20, **SIZES[0])
    BertModel(config, add_pooling_layer=False).save_pretrained(tmp_path)

    with pytest.raises(ValueError, match="holds a plain encoder, without a trained"):
        load_classifier(tmp_path)
    model, new = start_classifier(tmp_path, labels=["a", "b"])

    assert new == ["pooler.weight", "pooler.bias", "head.weight", "head.bias"]
    assert model.training


def test_a_classifier_without_pooler_keeps_its_numbers_on_disk(tmp_path: Path, tokenizer) -> None:
    size = EncoderConfig(vocab_size=len(tokenizer), max_position_embeddings=20, **SIZES[0])
    config = ClassifierConfig(encoder=size, labels=("a", "b"), pooler=False)
    ours = BERTClassifier(config).eval()
    token_ids, mask, _ = batch("right")
    token_ids = token_ids % len(tokenizer)

    save_classifier(tmp_path, ours, tokenizer)
    again = load_classifier(tmp_path)

    assert again.pooler is None
    assert torch.equal(again(token_ids, mask).logits, ours(token_ids, mask).logits)
    first_token = ours.encoder(token_ids, mask).hidden[:, 0]
    torch.testing.assert_close(ours(token_ids, mask).logits, ours.head(first_token))
