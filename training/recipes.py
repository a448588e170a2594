"""What decides a training run: every hyper-parameter, with the default that was chosen.

The classifier's defaults were compared with a few others on one or two seeds each, which settles
little; README.md has what they come to over three seeds, and the measurements behind the hybrid's.
bfloat16, half the bits for the same range, is taken wherever the hardware multiplies it, unless a
command is told otherwise.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import asdict, dataclass

import torch

MOST_SEED = 2**63 - 1
"""The highest that torch's generators take."""
_LEAST = {
    "epochs": 1,
    "batch_size": 1,
    "pairs_seen": 1,
    "texts_seen": 1,
    "validations": 1,
    "layers": 1,
    "heads": 1,
    "hidden_size": 1,
    "vocabulary": 300,
    "max_tokens": 3,
    "seed": 0,
    "teacher_temperature": 0.1,
    "teacher_weight": 0,
    "label_weight": 0,
}
_RATES = ("learning_rate", "encoder_learning_rate")
_SHARES = ("warm_up", "label_smoothing", "dropout", "ema_share", "masked_share")


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """Hyper-parameters of a fine-tuning run."""

    epochs: int = 3
    batch_size: int = 32
    """Texts a step."""
    learning_rate: float = 1e-4
    """The highest; it rises to this over `warm_up` and falls to 0 over the rest, linearly."""
    warm_up: float = 0.1
    """Share of all steps."""
    weight_decay: float = 0.01
    """AdamW's, on weight matrices only."""
    label_smoothing: float = 0.05
    """Share of the target that is spread evenly over all labels."""
    dropout: float = 0.1
    """Share of the hidden values, and of the attention weights, zeroed while training."""
    ema_share: float = 0.3
    """The model that is kept is a moving average of the one that trains, which reaches back over
    this share of all steps. 0 keeps the training model as it is."""
    max_gradient_norm: float = 1.0
    """A longer gradient is scaled down to this length."""
    freeze_word_embeddings: bool = False
    """Leaves the word embeddings as they were pre-trained."""
    max_tokens: int = 128
    """A longer text is cut here."""
    pooler: bool = True
    """BERT's dense + tanh on [CLS] before the last linear layer."""
    random_masking: bool = False
    """Tokens of half of the texts are masked while it learns; see `data/masking.py`."""
    teacher_temperature: float = 2.0
    """Where there is a teacher: its logits, and the model's, are divided by this."""
    teacher_weight: float = 1.0
    """Weight of the divergence from the teacher's answers."""
    label_weight: float = 0.3
    """Weight of a text's own label beside it, where it has one."""
    seed: int = 0

    def __post_init__(self) -> None:
        _check(self)


@dataclass(frozen=True, kw_only=True, slots=True)
class HybridRecipe:
    """Hyper-parameters of a decoder's training; README.md has the measurements behind them."""

    pairs_seen: int = 256_000
    """Pairs to train on in all; each time a sentence comes it is corrupted anew."""
    batch_size: int = 32
    """Pairs a step."""
    learning_rate: float = 1e-3
    """The decoder's highest; it rises to this over `warm_up` and falls to 0, linearly."""
    encoder_learning_rate: float = 3e-4
    """The encoder's, where it learns along."""
    encoder_layers: int = 3
    """The encoder's last layers that learn along; those before, nearest to the letters, stay."""
    distillation_weight: float = 10.0
    """Weight of holding the classifier to its old answers, beside the restoration's loss."""
    repair_weight: float = 4.0
    """Weight of a target token that differs from its source token, beside 1 for a copied one:
    copying is soon learned, and would be nearly all of the loss."""
    alignment_weight: float = 1.0
    """Weight of the alignment that one head of cross-attention is taught."""
    vocabulary_drawn: int = 2048
    """Words that stand for the rest of the vocabulary in each step's softmax."""
    warm_up: float = 0.02
    """Share of all steps."""
    weight_decay: float = 0.01
    label_smoothing: float = 0.05
    max_gradient_norm: float = 1.0
    layers: int = 4
    dropout: float = 0.0
    """A sentence hardly comes twice in the same shape, so there is nothing to learn by heart."""
    shortest: int = 4
    longest: int = 32
    """Words of a sentence."""
    max_tokens: int = 64
    """Longer sources and targets are cut here."""
    validations: int = 12
    seed: int = 0

    def __post_init__(self) -> None:
        _check(self)


@dataclass(frozen=True, kw_only=True, slots=True)
class PretrainingRecipe:
    """Hyper-parameters of a masked language model's training, from nothing."""

    texts_seen: int = 1_000_000
    """Texts to train on in all, repeats counted; each time other words are masked."""
    batch_size: int = 16
    """Texts a step."""
    learning_rate: float = 1e-3
    """The highest; it rises to this over `warm_up` and falls to 0, linearly."""
    warm_up: float = 0.06
    """Share of all steps."""
    weight_decay: float = 0.01
    max_gradient_norm: float = 1.0
    masked_share: float = 0.3
    """Share of the tokens that are to be guessed. BERT's is 0.15; with more, a text teaches more
    (Wettig et al. 2023, "Should You Mask 15% in Masked Language Modeling?")."""
    whole_words: bool = False
    """Of a word all pieces are to be guessed, or none: else one piece gives away the other."""
    vocabulary: int = 8000
    """Pieces of the tokenizer that is trained; 0: that of bert-base-uncased, which has 30,522."""
    hidden_size: int = 128
    """Width of the encoder's layers; the feed-forward network is four times as wide."""
    layers: int = 2
    heads: int = 4
    initial_weights: float = 0.7
    """Their standard deviation, times the square root of the width; BERT's own 0.02 is 0.55."""
    max_tokens: int = 128
    """A longer text is cut into several; the encoder has so many positions."""
    validations: int = 12
    seed: int = 0

    def __post_init__(self) -> None:
        _check(self)


def _check(recipe: Recipe | HybridRecipe | PretrainingRecipe) -> None:
    """Raises ValueError: a field has a value that no run can be made with."""
    for name, value in asdict(recipe).items():
        unchanged = name == "vocabulary" and value == 0
        if value < _LEAST.get(name, value) and not unchanged:
            raise ValueError(f"{name} is {value}; expected {_LEAST[name]} or more")
        if name in _RATES and not 0 < value < 1:
            raise ValueError(f"{name} is {value}; expected a number between 0 and 1, such as 1e-4")
        if name in _SHARES and not 0 <= value < 1:
            raise ValueError(f"{name} is {value}; expected 0 or more, below 1")
    if recipe.seed > MOST_SEED:
        raise ValueError(f"seed is {recipe.seed}; expected 0 to {MOST_SEED}")


def multiplies_bfloat16(device: torch.device) -> bool:
    """Whether the hardware has instructions for bfloat16; emulating it would be slower."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    able = torch.cpu.get_capabilities()
    return device.type == "cpu" and any(
        able.get(feature, False) for feature in ("avx512_bf16", "amx_bf16", "bf16")
    )


PRECISIONS = ("auto", "float32", "bfloat16")
_precision = ContextVar("_precision", default="auto")


@contextmanager
def precision(name: str) -> Iterator[None]:
    """What is computed in while the block runs, one of `PRECISIONS`, whatever the hardware."""
    before = _precision.set(name)
    try:
        yield
    finally:
        _precision.reset(before)


def uses_bfloat16(device: torch.device) -> bool:
    """Whether products are made in bfloat16 there: as `precision` says, or where it is faster."""
    chosen = _precision.get()
    return multiplies_bfloat16(device) if chosen == "auto" else chosen == "bfloat16"


def autocast(device: torch.device) -> AbstractContextManager[object]:
    """Matrix products in bfloat16 where it is used; weights and sums stay float32."""
    if uses_bfloat16(device):
        return torch.autocast(device.type, dtype=torch.bfloat16)
    return nullcontext()
