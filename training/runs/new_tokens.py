"""Gives a model characters that its tokenizer cannot read: emoji, rare scripts.

A WordPiece vocabulary has an unknown token for a whole word that holds one such character: to the
model "love😍" and "hate😡" are alike. Here each becomes a token of its own, which is cut out of
words as well. Its vector begins as the mean of the word pieces of its name in Unicode ("smiling
face with heart-shaped eyes"), or of all words where it has none; training does the rest.
"""

import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import torch
from tokenizers import AddedToken
from torch import nn
from transformers import PreTrainedTokenizerBase

from training.data.corpus import unknown_texts
from training.model.classifier import BERTClassifier

_LEAST, _MOST = 3, 1000  # times in the train part; tokens


def characters_to_add(texts: Sequence[str], tokenizer: PreTrainedTokenizerBase) -> list[str]:
    """Those that make words of the texts unknown, the most frequent first."""
    counts: Counter[str] = Counter()
    readable: dict[str, bool] = {}
    for word, times in unknown_texts(texts, tokenizer).items():
        for character in word:
            if character not in readable:
                # Also inside of a word, where a piece with ## is asked for.
                ids = tokenizer(["a" + character, character], add_special_tokens=False).input_ids
                readable[character] = not any(tokenizer.unk_token_id in found for found in ids)
            counts[character] += 0 if readable[character] else times
    return [one for one, times in counts.most_common(_MOST) if times >= _LEAST]


@torch.no_grad()
def add_tokens(
    model: BERTClassifier, tokenizer: PreTrainedTokenizerBase, tokens: Sequence[str]
) -> None:
    """Adds tokens to a tokenizer, and rows for them to its model's word table, in place."""
    old = model.encoder.embeddings.word
    known = tokenizer.get_vocab()
    pieces = [_name_pieces(token, tokenizer) for token in tokens]
    tokenizer.add_tokens([AddedToken(token, normalized=True) for token in tokens])
    if all(token in known for token in tokens):  # cut out of words from now on, with their rows
        return
    mean, size = old.weight.mean(dim=0), max(len(tokenizer), old.num_embeddings)
    table = nn.Embedding(size, old.embedding_dim, padding_idx=old.padding_idx)
    table.weight[:] = mean
    table.weight[: old.num_embeddings] = old.weight
    for token, found in zip(tokens, pieces, strict=True):
        if token not in known and found:
            table.weight[tokenizer.convert_tokens_to_ids(token)] = old.weight[found].mean(dim=0)
    model.encoder.embeddings.word = table
    model.encoder.config = replace(model.encoder.config, vocab_size=size)
    model.config = replace(model.config, encoder=model.encoder.config)


def _name_pieces(token: str, tokenizer: PreTrainedTokenizerBase) -> list[int]:
    name = unicodedata.name(token, "").lower()
    ids = tokenizer(name, add_special_tokens=False).input_ids if name else []
    return [found for found in ids if found != tokenizer.unk_token_id]
