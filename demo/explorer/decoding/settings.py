"""How a text is to be written."""

from dataclasses import dataclass

STRATEGIES = ("greedy", "beam", "sample")


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """Names and meanings are those of `transformers`' `generate`; values are taken as checked.

    Only `sample` uses temperature, top_k, top_p and seed; only `beam` uses beams.
    """

    strategy: str = "greedy"
    temperature: float = 1.0
    """The scores are divided by it: below 1 the likely words gain, above 1 the unlikely."""
    top_k: int = 0
    """Draw from the k likeliest words only; 0 from all."""
    top_p: float = 1.0
    """Draw from the fewest words that together have this probability; 1 from all."""
    beams: int = 4
    """How many beginnings the beam search keeps."""
    repetition_penalty: float = 1.0
    """Above 1, a word that was written already scores less."""
    no_repeat_ngram: int = 0
    """No run of so many words is written twice; 0 allows it."""
    max_tokens: int = 64
    """The end token counts."""
    seed: int = 0
