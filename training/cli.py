"""What every command shares: its flags, streams that neither end nor fail a run, an end in good
order however it comes, and how what comes from outside is shown.

That is on one line and cut: a text may have any length, and characters that move a cursor.
"""

import io
import os
import signal
import sys
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tqdm import tqdm

from training.file_names import public_name


def safe_streams() -> None:
    """For the start of a command: what stdout's encoding cannot show becomes a question mark.

    Redirected output is in cp1252 on Windows, and in ASCII under some services; a text in Polish
    or a "→" of ours would end the command. stderr is never strict. A stream that was closed before
    the start is None, and then takes what is written to it and drops it.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - stays open


def is_main_process() -> bool:
    """Whether this is the one that prints and writes: who starts several numbers them."""
    return os.environ.get("RANK", "0") == "0"


def say(text: str) -> None:
    """Writes lines to stdout that stay, above a live bar; the main process alone does.

    A log whose disk is full, or a pipe that nobody reads any more, is given up, and the work goes
    on: hours of it are worth more than the lines.
    """
    if is_main_process():
        _write(text, sys.stdout)


def complain(text: str) -> None:
    """The same to stderr."""
    if is_main_process():
        _write(text, sys.stderr)


def hand_over(text: str) -> None:
    """Writes a line that is a command's product, not its talk; OSError: it could not be."""
    try:
        print(text, flush=True)
    except OSError:
        _give_up(sys.stdout)
        raise


def _write(text: str, stream: Any) -> None:
    try:
        tqdm.write(text, file=stream)
        stream.flush()
    except OSError:
        _give_up(stream)


def _give_up(stream: Any) -> None:
    """Sends all that follows, and what Python writes at its end, nowhere."""
    with suppress(OSError), open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), stream.fileno())


BAD_INPUT = 2
_LESS_MEMORY = (
    "give a smaller --batch-size, a larger --accumulate (the batch in more pieces, to the same "
    "result), or fewer or shorter texts (--max-tokens)"
)
_INTERRUPTED = 130  # what a shell reports for a program that Ctrl-C stopped


def add_recipe_flags(add: Callable[..., object], recipe: object, told: Mapping[str, str]) -> None:
    """A flag for each field of a recipe that is `told` (field -> help), with its default."""
    for name, text in told.items():
        default = getattr(recipe, name)
        add(
            f"--{name.replace('_', '-')}",
            type=type(default),
            default=default,
            help=f"{text} (default: %(default)s)",
        )


def command_line(script: str, argv: Sequence[str] | None) -> str:
    """The command as a person would type it again, files by their names."""
    said = [f"python training/{script}"]
    for word in sys.argv[1:] if argv is None else argv:
        flag, equals, value = word.partition("=") if word.startswith("-") else ("", "", word)
        said.append(f"{flag}{equals}{_typed(value)}")
    return " ".join(said)


def _typed(value: str) -> str:
    try:
        return public_name(value)
    except ValueError:  # the root of a file system: whoever works with it says what is wrong
        return value


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
        with kill_unwinds():
            work()
    except UnicodeError:
        raise
    except (ValueError, OSError, ArithmeticError) as error:
        complain(f"{script}: {error}")
        return BAD_INPUT
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        said = str(error).partition("\n")[0] or type(error).__name__
        # Whichever process it is: the others may have had enough.
        _write(f"{script}: there is not enough memory ({said}); {_LESS_MEMORY}", sys.stderr)
        return BAD_INPUT
    except KeyboardInterrupt:
        kept = f"; {out} is as it was before this run" if out else ""
        complain(f"\nstopped{kept}")
        return _INTERRUPTED
    return 0


def is_out_of_memory(error: BaseException) -> bool:
    """Torch says it by a RuntimeError of its own, on a CPU without a class for it."""
    return isinstance(error, MemoryError) or "allocate" in str(error)


@contextmanager
def kill_unwinds() -> Iterator[None]:
    """Lets a polite kill (SIGTERM) end the program as Ctrl-C does, so that nothing half stays."""
    previous = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


_MARGIN = 12
_SHOWN, _LISTED = 60, 10
_LINES = frozenset(("Cc", "Zl", "Zp"))


def line(name: str, text: str) -> str:
    """One line of a page."""
    return f"{name:<{_MARGIN}}{text}".rstrip()


def one_line(text: str, most: int = _SHOWN) -> str:
    """A text from outside on one line, of `most` characters; what is cut off becomes dots."""
    shown = " ".join("".join(" " if is_control(c) else c for c in text[: 4 * most]).split())
    cut = len(text) > 4 * most or len(shown) > most
    return f"{shown[: most - 3]}..." if cut else shown


def quoted(value: object, most: int = _SHOWN) -> str:
    """A value from outside as Python writes it, cut; a text is cut inside of its quotes."""
    if isinstance(value, str) and len(value) > most:
        return repr(f"{value[: most - 3]}...")
    return one_line(repr(value), most)


def listed(names: Sequence[str]) -> str:
    """Names from outside with commas between them; the first ones, and how many more there are."""
    rest = len(names) - _LISTED
    more = [f"... and {rest:,} more"] if rest > 0 else []
    return ", ".join([*map(one_line, names[:_LISTED]), *more])


def is_control(character: str) -> bool:
    """Whether a character ends a line, or commands a terminal, rather than being seen."""
    return unicodedata.category(character) in _LINES


def counted(number: int, thing: str) -> str:
    """A number with its thing: 1 epoch, 2 epochs."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"
