"""Where a hybrid's training starts: a classifier's checkpoint, and a new decoder for its encoder.

A sibling of `starting_point.py`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedTokenizerBase

from training.checkpoint import load_classifier, load_tokenizer
from training.decoder_checkpoint import TextTokens
from training.following import Following
from training.hybrid_recipe import HybridRecipe
from training.memory import Memory
from training.model.classifier import BERTClassifier
from training.model.decoder_config import DecoderConfig
from training.model.hybrid import BERTGPTModel
from training.record import check_trained, read_record
from training.restoring import Restoring
from training.rewriter import Rewriter, frozen_copy
from training.vocabulary import UnknownWords, unknown_words

HybridTask = Restoring | Following
MakeTask = Callable[[PreTrainedTokenizerBase, HybridRecipe], HybridTask]


@dataclass(frozen=True, kw_only=True, slots=True)
class PreparedHybrid:
    """All that a run needs, made before it starts."""

    record: dict[str, Any]
    """The classifier's `training.json`."""
    classifier: BERTClassifier
    rewriter: Rewriter
    task: HybridTask
    unknown: UnknownWords
    """Of the sources and targets to train on."""
    recipe: HybridRecipe
    memory: Memory | None
    """Where the encoder learns along."""


def new_hybrid(classifier: BERTClassifier, layers: int, dropout: float) -> BERTGPTModel:
    """A decoder of the encoder's width and heads, with the encoder's words and positions.

    New weights come from torch's generator: seed it first.

    Raises:
        ValueError: the encoder's embeddings are not as wide as its layers.
    """
    encoder = classifier.encoder
    size = encoder.config
    if encoder.embeddings.project is not None:
        raise ValueError(
            f"the encoder's embeddings are {size.embedding_size} wide and its layers "
            f"{size.hidden_size} ({size.model_type}): the decoder, which starts with the "
            "encoder's words, needs one width. Train it on a classifier of another family"
        )
    model = BERTGPTModel(
        size,
        DecoderConfig(
            vocab_size=size.vocab_size,
            hidden_size=size.hidden_size,
            num_hidden_layers=layers,
            num_attention_heads=size.num_attention_heads,
            intermediate_size=size.intermediate_size,
            max_position_embeddings=size.max_position_embeddings,
            hidden_dropout=dropout,
            embedding_dropout=dropout,
            attention_dropout=dropout,
        ),
    )
    model.encoder = encoder
    with torch.no_grad():
        model.decoder.word.weight.copy_(encoder.embeddings.word.weight)
        positions = encoder.embeddings.position.weight[size.first_position :]
        model.decoder.position.weight.copy_(positions)
    return model


def text_tokens(tokenizer: PreTrainedTokenizerBase) -> TextTokens:
    """BERT's own marks: [CLS] begins a text, [SEP] ends it.

    Raises:
        ValueError: the tokenizer lacks one of them.
    """
    ids = (tokenizer.cls_token_id, tokenizer.sep_token_id, tokenizer.pad_token_id)
    if None in ids:
        raise ValueError(
            "the tokenizer has no [CLS], [SEP] or [PAD]; expected the tokenizer of a BERT"
        )
    return TextTokens(*ids)


def prepare_hybrid(
    checkpoint: Path, make_task: MakeTask, recipe: HybridRecipe, *, joint: bool
) -> PreparedHybrid:
    """Opens the classifier, gives it a new decoder, and reads the texts of the task.

    Raises:
        FileNotFoundError, ValueError: there is no classifier that was trained here, or no texts.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    record = read_record(checkpoint)
    check_trained(record, checkpoint, joint=joint)
    classifier = load_classifier(checkpoint)
    tokenizer = load_tokenizer(checkpoint, words=classifier.config.encoder.vocab_size)
    torch.manual_seed(recipe.seed)
    model = new_hybrid(classifier, recipe.layers, recipe.dropout).to(device)
    classifier = classifier.to(device)
    rewriter = Rewriter(
        model,
        model.encoder if joint else frozen_copy(model.encoder),
        tokenizer,
        text_tokens(tokenizer),
        min(recipe.max_tokens, classifier.config.encoder.max_position_embeddings),
    )
    task = make_task(tokenizer, recipe)
    return PreparedHybrid(
        record=record,
        classifier=classifier,
        rewriter=rewriter,
        task=task,
        unknown=unknown_words(task.texts, tokenizer),
        recipe=recipe,
        memory=Memory(classifier) if joint else None,
    )
