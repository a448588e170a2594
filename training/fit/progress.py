"""How far a run has come: its steps and their speed, all that it told, and whether it runs away."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from math import isfinite
from statistics import fmean
from time import perf_counter
from typing import Any, cast, get_args, get_type_hints


@dataclass(frozen=True, slots=True)
class TrainStep:
    """What one step of the optimiser did."""

    number: int
    of: int
    loss: float
    learning_rate: float
    tokens_per_second: float
    """Real tokens, no padding, since training began; validation is not counted."""
    seconds_left: float


@dataclass(slots=True)
class Throughput:
    """Counts steps, their tokens, and the seconds that they took."""

    steps: int
    """Of the whole training."""
    done: int = 0
    tokens: int = 0
    seconds: float = 0.0

    @contextmanager
    def counting(self, tokens: int) -> Iterator[None]:
        """To be entered around one step of so many tokens."""
        began = perf_counter()
        yield
        self.seconds += perf_counter() - began
        self.tokens += tokens
        self.done += 1

    def state_dict(self) -> dict[str, Any]:
        """All of it."""
        return asdict(self)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on counting from there."""
        self.done, self.tokens, self.seconds = state["done"], state["tokens"], state["seconds"]

    @property
    def speed(self) -> float:
        """Tokens a second."""
        return self.tokens / max(self.seconds, 1e-9)

    def record(self, loss: float, learning_rate: float) -> TrainStep:
        """The step that was counted last; those that are left will take as long as those before."""
        left = (self.steps - self.done) * self.seconds / max(self.done, 1)
        return TrainStep(self.done, self.steps, loss, learning_rate, self.speed, left)


@dataclass
class History:
    """All that a run has yielded so far."""

    event: type
    events: list[Any] = field(default_factory=list)

    def state_dict(self) -> dict[str, Any]:
        """The records as plain values."""
        return {"events": [(isinstance(e, TrainStep), asdict(e)) for e in self.events]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """The records again."""
        kinds = {True: TrainStep, False: self.event}
        self.events = [_rebuilt(kinds[is_step], e) for is_step, e in state["events"]]


def _rebuilt(kind: type, values: dict[str, Any]) -> Any:
    """The inverse of `asdict`."""
    hints = get_type_hints(kind)
    return kind(**{name: _value(hints[name], value) for name, value in values.items()})


def _value(hint: Any, value: Any) -> Any:
    """A field's: where it is a dataclass, or one of several, of the one that has such fields."""
    for kind in (hint, *get_args(hint)):
        if is_dataclass(kind) and {f.name for f in fields(kind)} == {*value}:
            return _rebuilt(cast(type, kind), value)
    return value


_WINDOW, _GROWN = 50, 3  # steps; times their mean loss at the start


def check_loss(losses: Sequence[float], steps: int, learning_rate: float) -> None:
    """Stops a run whose loss has run away: raises ArithmeticError, with what to do about it."""
    found = ""
    if not isfinite(losses[-1]):
        found = f"the loss became {losses[-1]}"
    elif len(losses) >= 2 * _WINDOW:
        first, last = fmean(losses[:_WINDOW]), fmean(losses[-_WINDOW:])
        if last > _GROWN * first:
            found = f"the loss has grown from {first:.3g} to {last:.3g}"
    if found:
        raise ArithmeticError(
            f"{found} at step {len(losses)} of {steps}, with the learning rate "
            f"{learning_rate:g}; train again with a lower one, such as {learning_rate / 10:g}"
        )
