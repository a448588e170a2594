"""What decides a run of `train_hybrid.py`; a sibling of `recipe.py`."""

from dataclasses import dataclass

from training.recipe import MOST_SEED


@dataclass(frozen=True, kw_only=True, slots=True)
class HybridRecipe:
    """Hyper-parameters of a decoder's training; README.md has the measurements behind them."""

    pairs_seen: int = 256_000
    """Pairs to train on in all; each time a sentence comes it is spoiled anew."""
    batch_size: int = 32
    """Pairs a step."""
    learning_rate: float = 1e-3
    """The decoder's highest; it rises to this over `warm_up` and falls to 0, linearly."""
    encoder_learning_rate: float = 3e-4
    """The encoder's and classifier's, where they learn along."""
    encoder_layers: int = 3
    """The encoder's last layers that learn along; those before, nearest to the letters, stay."""
    remembering: float = 10.0
    """Weight of holding the classifier to its old answers, beside the restoration's loss."""
    repairing: float = 4.0
    """Weight of a target token that differs from its source token, beside 1 for a copied one:
    copying is soon learned, and would be nearly all of the loss."""
    aligning: float = 1.0
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
        least = {"pairs_seen": 1, "batch_size": 1, "layers": 1, "max_tokens": 3, "seed": 0}
        for name, minimum in least.items():
            if getattr(self, name) < minimum:
                raise ValueError(f"{name} is {getattr(self, name)}; expected {minimum} or more")
        if self.seed > MOST_SEED:
            raise ValueError(f"seed is {self.seed}; expected 0 to {MOST_SEED}")
        for name in ("learning_rate", "encoder_learning_rate"):
            if not 0 < getattr(self, name) < 1:
                raise ValueError(
                    f"{name} is {getattr(self, name)}; expected a number between 0 and 1, "
                    "such as 1e-3"
                )
