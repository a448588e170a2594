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
from training.file_names import public_name
from training.streams import complain, safe_streams

Event = TypeVar("Event")
BAD_INPUT = 2
_LESS_MEMORY = "give a smaller --batch-size, fewer texts, or shorter ones"
_INTERRUPTED = 130  # what a shell reports for a program that Ctrl-C stopped
_BAR = "{desc} {percentage:3.0f} % |{bar}| {n_fmt}/{total_fmt} {postfix}"


def command_line(script: str, argv: Sequence[str] | None) -> str:
    """The command as a person would type it again, files by their names."""
    words = sys.argv[1:] if argv is None else argv
    return " ".join([f"python training/{script}", *map(_named, words)])


def _named(word: str) -> str:
    flag, equals, value = word.partition("=") if word.startswith("-") else ("", "", word)
    return f"{flag}{equals}{public_name(value)}"


def run_command(script: str, out: Path | None, work: Callable[[], None]) -> int:
    """Does the work; 0 when it is done, 2 on bad input, 130 when stopped, each said in a line.

    Args:
        script: the command's name, as a person knows it.
        out: what the work is to write, for a message; None where it only prints.
        work: raises what it refuses in words as a ValueError, OSError or ArithmeticError.

    Raises:
        UnicodeError, and all else that the work lets through: a fault of ours, not of the input.
            Whoever reads a file says in a ValueError what is wrong with its encoding.
    """
    safe_streams()
    try:
        with _kill_unwinds():
            work()
    except UnicodeError:
        raise
    except (ValueError, OSError, ArithmeticError) as error:
        complain(f"{script}: {error}")
        return BAD_INPUT
    except (MemoryError, RuntimeError) as error:
        # torch says it by a RuntimeError of its own, on a CPU without a class for it.
        if isinstance(error, RuntimeError) and "allocate" not in str(error):
            raise
        said = str(error).partition("\n")[0] or type(error).__name__
        complain(f"{script}: there is not enough memory ({said}); {_LESS_MEMORY}")
        return BAD_INPUT
    except KeyboardInterrupt:
        kept = f"; {out} is as it was before this run" if out else ""
        complain(f"\nstopped{kept}")
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
