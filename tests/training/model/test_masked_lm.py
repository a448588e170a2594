"""The same weights in `transformers`' BertForMaskedLM give the same logits and gradients."""

from pathlib import Path

import pytest
import torch
from transformers import AutoModelForMaskedLM, BertConfig, BertForMaskedLM, BertTokenizer

from training.checkpoints.classifier import start_classifier
from training.checkpoints.masked_lm import MASKED_LM_NAMES, load_masked_lm, save_masked_lm
from training.model.config import EncoderConfig
from training.model.masked_lm import BERTMaskedLM

SIZE = {"hidden_size": 24, "num_attention_heads": 3, "num_hidden_layers": 2}
SIZE |= {"intermediate_size": 20, "vocab_size": 40, "max_position_embeddings": 20}


def batch() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    token_ids, segment_ids = (
        torch.randint(0, top, (3, 11), generator=generator) for top in (SIZE["vocab_size"], 2)
    )
    mask = torch.ones(3, 11, dtype=torch.bool)
    mask[1, 4:] = mask[2, 10:] = False
    return token_ids, mask, segment_ids


def test_logits_and_gradients_equal_those_of_transformers(tmp_path: Path) -> None:
    torch.manual_seed(0)
    config = BertConfig(**SIZE, initializer_range=0.2, attn_implementation="eager")
    theirs = BertForMaskedLM(config).eval()
    theirs.save_pretrained(tmp_path)
    ours = load_masked_lm(tmp_path)
    token_ids, mask, segment_ids = batch()

    found = ours(token_ids, mask, segment_ids)
    expected = theirs(token_ids, mask.long(), segment_ids, output_attentions=True)

    assert len(expected.attentions) == SIZE["num_hidden_layers"]
    torch.testing.assert_close(found.logits, expected.logits, atol=1e-5, rtol=0)
    for mine, map_of_theirs in zip(found.weights, expected.attentions, strict=True):
        torch.testing.assert_close(mine, map_of_theirs, atol=1e-5, rtol=0)
    for logits in (found.logits, expected.logits):
        (logits[mask].square().mean()).backward()
    gradients = {name: w.grad for name, w in ours.named_parameters()}
    mapped = MASKED_LM_NAMES.to_hf({n: g for n, g in gradients.items() if g is not None})
    right = {name: weight.grad for name, weight in theirs.named_parameters()}
    assert len(mapped) == len(right)
    for name, gradient in mapped.items():
        torch.testing.assert_close(gradient, right[name], atol=1e-5, rtol=1e-4)


def test_asked_places_alone_get_the_logits_of_the_whole() -> None:
    torch.manual_seed(0)
    model = BERTMaskedLM(EncoderConfig(**SIZE, initializer_range=0.2)).eval()
    token_ids, mask, _ = batch()
    asked = (token_ids > 20) & mask

    some = model.guesses(token_ids, mask, asked)

    torch.testing.assert_close(some, model(token_ids, mask).logits[asked])


def test_what_we_save_transformers_opens_and_a_classifier_starts_from(
    tmp_path: Path, tokenizer: BertTokenizer
) -> None:
    size = {**SIZE, "vocab_size": len(tokenizer)}
    model = BERTMaskedLM(EncoderConfig(**size, initializer_range=0.2)).eval()
    token_ids, mask, _ = batch()
    save_masked_lm(tmp_path, model, tokenizer)

    theirs = AutoModelForMaskedLM.from_pretrained(tmp_path)
    classifier, new = start_classifier(tmp_path, labels=["bad", "good"])

    assert isinstance(theirs, BertForMaskedLM)
    logits = theirs(token_ids, mask.long()).logits
    torch.testing.assert_close(model(token_ids, mask).logits, logits, atol=1e-5, rtol=0)
    assert {name.partition(".")[0] for name in new} == {"head", "pooler"}
    for name, weight in classifier.encoder.state_dict().items():
        assert torch.equal(weight, model.encoder.state_dict()[name])


def test_another_family_and_embeddings_of_another_width_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="needs one width for both"):
        BERTMaskedLM(EncoderConfig(**SIZE, model_type="electra", embedding_size=8))
    (tmp_path / "config.json").write_text('{"model_type": "distilbert"}')
    with pytest.raises(ValueError, match="expected a BertForMaskedLM, whose head alone"):
        load_masked_lm(tmp_path)
