"""What a training loop tells about each step: how fast it goes and how long it will take."""

from dataclasses import dataclass
from time import perf_counter


@dataclass(frozen=True, slots=True)
class Step:
    """What one step of the optimiser did."""

    number: int
    of: int
    loss: float
    learning_rate: float
    tokens_per_second: float
    """Real tokens, no padding, since training began; validation is not counted."""
    seconds_left: float


class Clock:
    """Counts steps, their tokens, and the seconds that they took."""

    def __init__(self, steps: int) -> None:
        self.left, self.done, self.tokens, self.seconds = steps, 0, 0, 0.0

    def counting(self, tokens: int) -> "Clock":
        """To be entered around one step of so many tokens."""
        self.pending = tokens
        return self

    def __enter__(self) -> None:
        self.began = perf_counter()

    def __exit__(self, *_: object) -> None:
        self.seconds += perf_counter() - self.began
        self.tokens += self.pending
        self.done, self.left = self.done + 1, self.left - 1

    @property
    def speed(self) -> float:
        """Tokens a second."""
        return self.tokens / max(self.seconds, 1e-9)

    @property
    def seconds_left(self) -> float:
        """As long as the steps that are left will take, if they are like those before."""
        return self.left * self.seconds / max(self.done, 1)
