"""A random model of the default sizes, in a checkpoint's format, to time before one is trained."""

from pathlib import Path

import torch
from transformers import PreTrainedTokenizerBase

from training.checkpoints.classifier import save_classifier
from training.checkpoints.hybrid import TextTokens, save_decoder
from training.model.classifier import BERTClassifier
from training.model.config import ClassifierConfig, DecoderConfig, EncoderConfig
from training.model.decoder import GPTDecoder

ENCODER = EncoderConfig(hidden_size=384, num_hidden_layers=6, intermediate_size=1536)
DECODER = DecoderConfig(
    vocab_size=ENCODER.vocab_size,
    hidden_size=ENCODER.hidden_size,
    num_hidden_layers=4,
    num_attention_heads=ENCODER.num_attention_heads,
    intermediate_size=ENCODER.intermediate_size,
    max_position_embeddings=ENCODER.max_position_embeddings,
)


def save_random_checkpoint(
    folder: Path,
    tokenizer: PreTrainedTokenizerBase,
    *,
    encoder: EncoderConfig = ENCODER,
    decoder: DecoderConfig = DECODER,
) -> None:
    """Writes a classifier and a decoder of random weights, seed 0, into a new folder.

    Args:
        tokenizer: of a BERT; [CLS] begins a text and [SEP] ends it.
    """
    torch.manual_seed(0)
    for part in ("encoder", "decoder"):
        (folder / part).mkdir(parents=True)
    labels = ("negative", "positive")
    classifier = BERTClassifier(ClassifierConfig(encoder=encoder, labels=labels))
    save_classifier(folder / "encoder", classifier, tokenizer)
    tokens = TextTokens(
        start=tokenizer.cls_token_id, end=tokenizer.sep_token_id, pad=tokenizer.pad_token_id
    )
    save_decoder(folder / "decoder", GPTDecoder(decoder), tokenizer, tokens)
