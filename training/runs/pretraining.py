"""One run of a pretraining, around the loop: a vocabulary, random weights, and the folder.

prepare_pretraining -> PreparedPretraining -> pretrain -> save_pretraining
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import BertTokenizer, PreTrainedTokenizerBase

from training.checkpoints.classifier import load_tokenizer, minilm_folder
from training.checkpoints.masked_lm import save_masked_lm
from training.checkpoints.record import write_record
from training.cli import counted, line
from training.data.pretraining_texts import PretrainingTexts
from training.file_names import noted_texts
from training.fit.pretraining import Guessing
from training.model.config import EncoderConfig
from training.model.masked_lm import BERTMaskedLM
from training.recipes import PretrainingRecipe, uses_bfloat16
from training.runs.curves import Curves
from training.runs.records import versions

_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_READ = 100_000  # texts that a vocabulary is made of
_ALPHABET = 1000  # letters; in Chinese or Japanese there are more, and rare ones stay unknown


@dataclass(frozen=True, kw_only=True, slots=True)
class PreparedPretraining:
    """All that a run needs, made before it starts."""

    texts: PretrainingTexts
    tokenizer: PreTrainedTokenizerBase
    model: BERTMaskedLM
    recipe: PretrainingRecipe

    @property
    def vocabulary(self) -> str:
        """A fingerprint of the tokenizer's pieces, in their order."""
        pieces = sorted(self.tokenizer.get_vocab().items(), key=lambda piece: piece[1])
        return sha256(repr(pieces).encode()).hexdigest()


def prepare_pretraining(texts: PretrainingTexts, recipe: PretrainingRecipe) -> PreparedPretraining:
    """A vocabulary and a model of random weights. Raises ValueError: as `EncoderConfig`."""
    if recipe.vocabulary:
        tokenizer = train_word_pieces([*islice(texts.train(), _READ)], recipe.vocabulary)
    else:
        tokenizer = load_tokenizer(minilm_folder())
    torch.manual_seed(recipe.seed)
    config = EncoderConfig(
        vocab_size=len(tokenizer),
        hidden_size=recipe.hidden_size,
        num_hidden_layers=recipe.layers,
        num_attention_heads=recipe.heads,
        intermediate_size=4 * recipe.hidden_size,
        max_position_embeddings=recipe.max_tokens,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        # BERT's 0.02 suits its width of 768; in a narrow layer it keeps attention from moving.
        initializer_range=recipe.initial_weights / math.sqrt(recipe.hidden_size),
        pad_token_id=tokenizer.pad_token_id,
    )
    model = BERTMaskedLM(config)
    return PreparedPretraining(texts=texts, tokenizer=tokenizer, model=model, recipe=recipe)


def train_word_pieces(texts: Sequence[str], words: int) -> PreTrainedTokenizerBase:
    """A tokenizer as BERT's, without case, whose pieces are the commonest of these texts.

    "Japanese and Korean Voice Search" (Schuster and Nakajima 2012): pieces begin as letters, and
    the pair that comes most often becomes one, until there are so many `words`.
    """
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    alphabet, inside = _letters(tokenizer, texts)
    trainer = trainers.WordPieceTrainer(
        vocab_size=words,
        initial_alphabet=alphabet,
        limit_alphabet=len(alphabet),
        # Given as the marks are, letters inside of words have the same numbers in every run: by
        # those the trainer decides between pairs that are equally common.
        special_tokens=[*_SPECIAL, *inside],
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    vocabulary = tokenizer.get_vocab()
    with TemporaryDirectory() as place:
        file = Path(place) / "vocab.txt"
        file.write_text("\n".join(sorted(vocabulary, key=vocabulary.__getitem__)), "utf-8")
        return BertTokenizer(str(file))


def _letters(tokenizer: Tokenizer, texts: Iterable[str]) -> tuple[list[str], list[str]]:
    """The commonest letters, and as pieces those of them that stand inside of words."""
    normalize, cut = tokenizer.normalizer.normalize_str, tokenizer.pre_tokenizer.pre_tokenize_str
    words = Counter(word for text in texts for word, _ in cut(normalize(text)))
    letters: Counter[str] = Counter()
    for word, count in words.items():
        letters.update(dict.fromkeys(word, count))
    ranked = sorted(letters, key=lambda letter: (-letters[letter], letter))[:_ALPHABET]
    inside = {letter for word in words for letter in word[1:]} & {*ranked}
    return sorted(ranked), [f"##{letter}" for letter in sorted(inside)]


def save_pretraining(
    folder: Path,
    prepared: PreparedPretraining,
    evaluations: Sequence[Guessing],
    curves: Curves,
    *,
    command: str,
    quick: bool,
) -> None:
    """Writes the checkpoint into an empty `folder`."""
    last = asdict(evaluations[-1])
    record: dict[str, Any] = {
        "task": "pretrain",
        "licence": " ".join(prepared.texts.licences),
        "rehearsal": quick,
        "data": {
            "source": [noted_texts(source) for source in prepared.texts.sources],
            "fingerprint": prepared.texts.fingerprint,
        },
        "recipe": asdict(prepared.recipe),
        "seed": prepared.recipe.seed,
        "command": command,
        "versions": versions("torch", "transformers", "tokenizers"),
        "metrics": {
            "validation": {name: last[name] for name in ("loss", "right")},
            "evaluations": [asdict(one) for one in evaluations],
        },
    }
    (folder / "encoder").mkdir()
    save_masked_lm(folder / "encoder", prepared.model, prepared.tokenizer)
    curves.save(folder, "pretraining")
    write_record(folder, record)


def show_pretraining_start(prepared: PreparedPretraining, *, quick: bool) -> str:
    """What is trained on what, before it starts."""
    recipe, size = prepared.recipe, prepared.model.encoder.config
    weights = sum(weight.numel() for weight in prepared.model.parameters())
    table = prepared.model.table
    words = "whole words" if recipe.whole_words else "pieces of words"
    of = "trained on these texts" if recipe.vocabulary else "that of bert-base-uncased"
    sources = ", ".join(prepared.texts.sources)
    held_out = counted(len(prepared.texts.validation), "text")
    precision = "bfloat16" if uses_bfloat16(table.device) else "float32"
    lines = [
        line("data", f"{sources}; {held_out} held out to measure on"),
        line("vocabulary", f"{len(table):,} pieces, {of}"),
        line(
            "model",
            f"{size.num_hidden_layers} layers × {size.num_attention_heads} heads, "
            f"{size.hidden_size} wide, {weights / 1e6:.1f} M random weights, "
            f"{table.numel() / 1e6:.1f} M of them the word table",
        ),
        line(
            "recipe",
            f"{recipe.texts_seen:,} texts, {recipe.batch_size} a step, cut at {recipe.max_tokens} "
            f"tokens, {100 * recipe.masked_share:g} % to be guessed ({words}), learning rate "
            f"{recipe.learning_rate:g}, {precision}, seed {recipe.seed}",
        ),
    ]
    note = line("rehearsal", "a smaller model and few texts: these numbers are not the recipe's")
    return "\n".join([note, *lines] if quick else lines)


def show_guessing(found: Guessing) -> str:
    """A line each time the model is measured."""
    return line(
        f"{100 * found.steps / found.of:.0f} %",
        f"{found.texts_seen:,} texts · {found.seconds / 60:.0f} min · train loss "
        f"{found.train_loss:.3f} · held out: loss {found.loss:.3f}, guessed rightly "
        f"{found.right:.3f} · {found.tokens_per_second:,.0f} tokens/s",
    )


def show_pretraining_end(out: Path, seconds: float) -> str:
    """How long all of it took, and what to do with the folder."""
    following = f"python training/train_classifier.py --init {out}"
    return "\n".join(
        [line("time", f"{seconds / 60:.1f} min"), line("checkpoint", f"{out}   next: {following}")]
    )
