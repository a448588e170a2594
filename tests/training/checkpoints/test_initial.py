"""What `--init` may be, with the packaged weights as the real case."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import BertModel

from hosting.card import PACKAGED
from training.checkpoints import classifier as starting_point_module
from training.checkpoints import mpnet
from training.checkpoints.classifier import INITIAL, RANDOM, initial_model, minilm_folder
from training.data.batches import encode_texts, pad
from training.data.corpus import Example


def test_minilm_is_the_packaged_encoder_with_a_new_head_for_the_labels() -> None:
    start = initial_model("minilm", labels=("a", "b", "c"), pooler=True)
    theirs = BertModel.from_pretrained(minilm_folder()).eval()
    text = encode_texts([Example("Not bad at all.", 0)], start.tokenizer, max_tokens=64)

    batch = pad(text)
    with torch.no_grad():
        ours = start.model.eval()(*batch[:3])
        expected = theirs(batch.token_ids, batch.padding_mask, batch.segment_ids)

    assert set(start.new) == {"head.weight", "head.bias"}
    assert ours.logits.shape == (1, 3)
    torch.testing.assert_close(ours.hidden, expected.last_hidden_state, atol=1e-5, rtol=0)
    assert "Apache-2.0" in start.licence


def test_the_seed_decides_the_new_head() -> None:
    def head(seed: int) -> torch.Tensor:
        torch.manual_seed(seed)
        return initial_model("minilm", labels=("a", "b"), pooler=False).model.head.weight

    assert torch.equal(head(0), head(0))
    assert not torch.equal(head(0), head(1))


def test_random_is_a_small_model_with_the_same_words_and_nothing_pre_trained() -> None:
    torch.manual_seed(0)
    start = initial_model("random", labels=("a", "b"), pooler=True)
    known = load_file(Path(minilm_folder()) / "model.safetensors")

    words = start.model.encoder.embeddings.word.weight
    assert words.shape[0] == known["embeddings.word_embeddings.weight"].shape[0]
    assert words.shape[0] == len(start.tokenizer)
    assert set(start.new) == set(start.model.state_dict())
    assert words.std().item() == pytest.approx(0.02, rel=0.05)


def test_changed_weights_are_refused_by_their_sha256(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(starting_point_module, "MINILM_SHA256", "f" * 64)

    with pytest.raises(ValueError, match=r"sha256 53aa5117.*expected ffff"):
        initial_model("minilm", labels=("a", "b"), pooler=True)


def test_a_tokenizer_with_more_words_than_its_model_is_refused(
    tmp_path: Path, tokenizer, save_tiny
) -> None:
    save_tiny(tmp_path, vocab_size=10)

    with pytest.raises(ValueError, match=f"up to the id {len(tokenizer) - 1}, its model"):
        initial_model(str(tmp_path), labels=("a", "b"), pooler=True)


def test_a_space_s_card_knows_what_is_packaged_by_its_name_on_the_hub() -> None:
    assert PACKAGED.keys() == {*INITIAL} - {RANDOM}
    licence = initial_model("minilm", labels=("a", "b"), pooler=False).licence
    assert (
        f"fine-tuned from {PACKAGED['minilm'].removeprefix('sentence-transformers/')} " in licence
    )
    assert PACKAGED["mpnet"] == f"sentence-transformers/{mpnet.NAME}"
