"""States of a run that has not ended: all that it needs to go on as if it had never stopped.

They stand beside the folder that the run is to write, in `.<name>.state/`; each is there whole or
not at all. Accelerate writes and reads what is in them: weights, optimizer, schedule, the random
states of Python, numpy and torch, and what the training and its history add. Only the last ones are
kept, and none once the run has written what it was for.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any

from accelerate import Accelerator
from accelerate.utils import broadcast_object_list

from training.checkpoints.atomic_folder import Kind, atomic_folder, by_a_library
from training.checkpoints.files import read_json, write_json

_FILE = "state.json"
_KEPT = 2  # the last one, and the one before, should the disk have lost it
_STATE = Kind(marker=_FILE, written=lambda folder: ("*",))


class RunStates:
    """Saves states of one run every so many minutes, and finds the last one again."""

    def __init__(
        self,
        out: Path,
        run: dict[str, Any],
        *,
        minutes: float,
        resume: bool,
        tell: Callable[[str], None],
    ) -> None:
        """Finds what to go on from.

        Args:
            out: the folder that the run is to write.
            run: all that makes two runs the same, as JSON has it.
            minutes: between two states; 0 for none.
            resume: go on from the last state, where there is one.
            tell: is called with a sentence where a state could not be saved or read.

        Raises:
            ValueError: there are states, and all of another run; what differs is named. Or none of
                them can be read.
        """
        self.root = state_root(out)
        self.run, self.minutes, self.tell = run, minutes, tell
        self.found: list[Path] = self._find() if resume else []
        self._saved = perf_counter()

    @property
    def step(self) -> int:
        """How many steps are behind what is gone on from."""
        return _step(self.found[-1]) if self.found else 0

    def _find(self) -> list[Path]:
        """This run's states, the newest last."""
        own, states = self._own(), list(self.root.glob("step-*"))
        if states and not own:
            runs = filter(None, map(_run_of, sorted(states, key=_step, reverse=True)))
            if (other := next(runs, None)) is None:
                raise ValueError(self._none_readable())
            names = [name for name in self.run if self.run[name] != other.get(name)]
            raise ValueError(
                f"{self.root} has the state of a run with other settings ("
                + "; ".join(f"{name}: {other.get(name)}, now {self.run[name]}" for name in names)
                + "); give the same ones, or leave out --resume to start from the beginning"
            )
        return sorted(own, key=_step)

    def _own(self) -> list[Path]:
        return [state for state in self.root.glob("step-*") if _run_of(state) == self.run]

    def due(self) -> bool:
        """Whether it is time to save."""
        return 0 < 60 * self.minutes <= perf_counter() - self._saved

    def save(self, accelerator: Accelerator, step: int) -> None:
        """Saves the state after `step`; to be called by all processes, on a disk that they share.

        A disk that is full does not end the run: hours of work are worth more than a state of it.
        """
        self._saved = perf_counter()
        try:
            with _shared_folder(accelerator, self.root / f"step-{step}") as folder:
                with by_a_library():
                    accelerator.save_state(str(folder))
                if accelerator.is_main_process:
                    write_json(folder / _FILE, {"format": 1, "step": step, "run": self.run})
        except OSError as error:
            self.tell(
                f"the state after step {step} could not be saved ({error.strerror or error}); "
                "training goes on. Make room: until then it can only be resumed from an older one"
            )
        else:
            if accelerator.is_main_process:
                self._forget(step)

    def _forget(self, step: int) -> None:
        """Removes all but the last states: older ones, those of other runs, and halves of some."""
        kept = sorted((s for s in self._own() if _step(s) <= step), key=_step)[-_KEPT:]
        for place in set(self.root.iterdir()) - set(kept):
            shutil.rmtree(place, ignore_errors=True)

    def load(self, accelerator: Accelerator) -> int:
        """Loads the newest state that can be read; how many steps are behind it, 0 without one.

        Raises ValueError: there are states, and none of them can be read.
        """
        if not self.found:
            return 0
        while self.found:
            try:
                with by_a_library():
                    accelerator.load_state(str(self.found[-1]))
            except OSError as error:
                self.tell(f"{self.found.pop()} cannot be read ({error})")
            else:
                return self.step
        raise ValueError(self._none_readable())  # half of one may be in the weights by now

    def _none_readable(self) -> str:
        return (
            f"no state in {self.root} can be read; leave out --resume to start from the beginning"
        )

    def clear(self) -> None:
        """Removes all states: what the run was for is written."""
        shutil.rmtree(self.root, ignore_errors=True)


def state_root(out: Path) -> Path:
    """Where the states of a run stand that writes `out`."""
    real = out.resolve()
    return real.with_name(f".{real.name}.state")


def _run_of(state: Path) -> dict[str, Any] | None:
    """The run that a state is of; None: it is damaged."""
    try:
        return read_json(state / _FILE).get("run")
    except (OSError, ValueError):
        return None


def _step(state: Path) -> int:
    return int(state.name.removeprefix("step-"))


@contextmanager
def _shared_folder(accelerator: Accelerator, target: Path) -> Iterator[Path]:
    """As `atomic_folder`, for all processes: the main one makes it and puts it in place.

    Raises OSError: it cannot be made; or, in the main process, cannot be put in place.
    """
    shared: list[str | None] = [None]
    if not accelerator.is_main_process:
        broadcast_object_list(shared)
        if shared[0] is None:
            raise OSError("the main process cannot make its folder")
        try:
            yield Path(shared[0])
        finally:
            accelerator.wait_for_everyone()
        return
    try:
        with atomic_folder(target, kind=_STATE) as folder:
            shared[0] = str(folder)
            broadcast_object_list(shared)
            try:
                yield folder
            finally:
                accelerator.wait_for_everyone()
    except OSError:
        if shared[0] is None:
            broadcast_object_list(shared)
        raise
