"""What the training commands share: a live bar, and an end in good order however it comes."""

import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TypeVar

from tqdm import tqdm

from training.clock import Step

Event = TypeVar("Event")
_INTERRUPTED = 130  # what a shell reports for a program that Ctrl-C stopped
_BAR = "{desc} {percentage:3.0f} % |{bar}| {n_fmt}/{total_fmt} {postfix}"


def command_line(script: str, argv: Sequence[str] | None) -> str:
    """The command as a person would type it again."""
    return " ".join([f"python training/{script}", *(sys.argv[1:] if argv is None else argv)])


def run_command(script: str, out: Path, work: Callable[[], None]) -> int:
    """Does the work; 0 when it is done, 2 on bad input, 130 when stopped, each said in a line."""
    try:
        with _kill_unwinds():
            work()
    except (ValueError, OSError, ArithmeticError) as error:
        tqdm.write(f"{script}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        tqdm.write(f"\nstopped; {out} is as it was before this run", file=sys.stderr)
        return _INTERRUPTED
    return 0


def with_progress(events: Iterable[Step | Event]) -> Iterator[Event]:
    """Draws the steps as a live bar, where somebody watches, and hands on all other events."""
    with tqdm(disable=None, leave=False, desc="training", bar_format=_BAR) as bar:
        for event in events:
            if isinstance(event, Step):
                bar.total = event.of
                bar.set_postfix_str(show_step(event), refresh=False)
                bar.update()
            else:
                yield event


def say(text: str) -> None:
    """Writes lines that stay, above the bar."""
    tqdm.write(text)
    sys.stdout.flush()


def show_step(step: Step) -> str:
    """What the live bar says beside itself."""
    minutes, seconds = divmod(round(step.seconds_left), 60)
    return (
        f"loss {step.loss:.3f} · lr {step.learning_rate:.1e} · "
        f"{step.tokens_per_second:,.0f} tokens/s · {minutes}:{seconds:02} left"
    )


@contextmanager
def _kill_unwinds() -> Iterator[None]:
    """Lets a polite kill (SIGTERM) end the program as Ctrl-C does, so that nothing half stays."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    previous = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)
