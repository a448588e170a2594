"""Where the texts come from that an 8-bit graph is held to its limits on."""

from dataclasses import replace
from pathlib import Path

import pytest

from export.eval_texts import checked_corpus, many_texts
from export.loading.checkpoint import LoadedEncoder, load_checkpoint
from training.data.corpus import load_corpus


@pytest.fixture
def part(checkpoint: Path) -> LoadedEncoder:
    return load_checkpoint(str(checkpoint)).encoder


def test_without_data_the_examples_and_without_examples_random_tokens(part: LoadedEncoder) -> None:
    given = many_texts(
        None, None, [{"text": "a film"}, {"text": "so dull", "text_pair": "?"}], part
    )
    drawn = many_texts(None, None, [], part)

    assert (len(given.texts), given.labelled, given.random) == (2, False, False)
    assert given.origin == {"the page's examples": 2}
    assert (len(drawn.texts), drawn.labelled, drawn.random) == (64, False, True)
    assert drawn.texts == many_texts(None, None, [], part).texts
    assert max(len(text.token_ids) for text in drawn.texts) <= part.max_tokens


def test_other_tasks_take_texts_without_labels(part: LoadedEncoder, tmp_path: Path) -> None:
    lines, pairs = tmp_path / "lines.txt", tmp_path / "pairs.jsonl"
    lines.write_text("a film\n\nso dull\n", encoding="utf-8")
    pairs.write_text('{"text": "is it bad ?", "text_pair": "a great film"}\n', encoding="utf-8")
    fills, answers, embeds = (replace(part, task=task) for task in ("fill", "answer", "embed"))

    found = many_texts(str(lines), None, [], fills)
    assert (len(found.texts), found.labelled, found.origin) == (2, False, {"lines.txt": 2})
    assert len(many_texts(str(pairs), None, [], answers).texts) == 1
    assert len(many_texts(str(pairs), None, [], embeds).texts) == 2
    with pytest.raises(ValueError, match=r"text 1 of lines\.txt has no text_pair, .* as text_pair"):
        many_texts(str(lines), None, [], answers)
    with pytest.raises(ValueError, match="is a file of no known kind; expected"):
        many_texts(str(lines), None, [], part)


@pytest.mark.slow
def test_packaged_reviews_are_made_up_to_3000_by_texts_that_training_never_saw(
    tokenizer, tmp_path: Path
) -> None:
    import torch

    from training.checkpoints.classifier import save_classifier
    from training.model.classifier import BERTClassifier
    from training.model.config import ClassifierConfig, EncoderConfig

    size = EncoderConfig(
        vocab_size=len(tokenizer),
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=1,
        intermediate_size=8,
        max_position_embeddings=32,
    )
    torch.manual_seed(0)
    model = BERTClassifier(ClassifierConfig(encoder=size, labels=("negative", "positive")))
    save_classifier(tmp_path, model, tokenizer)
    part = load_checkpoint(str(tmp_path)).encoder
    corpus = load_corpus("rotten-tomatoes")
    record = {
        "data": {"source": corpus.source, "fingerprint": corpus.fingerprint},
        "recipe": {"max_tokens": 16},
    }

    found = many_texts(None, record, [], part)

    own = len(corpus.test) + len(corpus.validation)
    assert found.origin == {
        "rotten-tomatoes, test": len(corpus.test),
        "rotten-tomatoes, validation": len(corpus.validation),
        "imdb, test": 3000 - own,
    }
    assert (len(found.texts), found.labelled) == (3000, True)
    assert max(len(text.token_ids) for text in found.texts) == 16
    assert {text.label for text in found.texts} == {0, 1}


def test_labels_are_counted_as_the_model_does_whatever_their_order(
    part: LoadedEncoder, tmp_path: Path
) -> None:
    rows = [f"it is {label} {i},{label}" for i in range(100) for label in ("joy", "anger", "fear")]
    (tmp_path / "told.csv").write_text("text,label\n" + "\n".join(rows))
    names = ("fear", "joy", "anger")

    found = checked_corpus(str(tmp_path / "told.csv"), None, replace(part, labels=names))

    assert found
    assert found.labels == names
    assert all(names[one.label] in one.text for part in found.parts.values() for one in part)
    with pytest.raises(ValueError, match=r"has the labels anger, fear, joy; .* Name them alike"):
        checked_corpus(str(tmp_path / "told.csv"), None, replace(part, labels=("fear", "joy")))


def test_a_numbers_name_is_no_matter(part: LoadedEncoder, tmp_path: Path) -> None:
    rows = [f"it is {i},{i / 8}" for i in range(300)]
    (tmp_path / "told.csv").write_text("text,score\n" + "\n".join(rows))

    one = replace(part, labels=("LABEL_0",), problem_type="regression")

    assert checked_corpus(str(tmp_path / "told.csv"), None, one)
