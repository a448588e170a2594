"""Renders a chat template in a process of its own, which may be killed: see `chat_template.py`.

    python template_process.py < asked.json

A template of Jinja from outside may loop for ever, or fill the memory. Here it may use so much of
both and no more, runs where nothing can be changed, and reaches nothing but what it is given.
"""

import json
import sys
from contextlib import suppress
from datetime import datetime
from typing import Any, NoReturn

from jinja2 import TemplateError
from jinja2.ext import loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment


def _bound(seconds: int, memory: int) -> None:
    """Lets this process run for so many seconds, in so many bytes, where the system can see to it:
    Windows cannot, and there whoever started it ends it."""
    try:
        import resource
    except ImportError:
        return
    for kind, most in ((resource.RLIMIT_CPU, seconds), (resource.RLIMIT_AS, memory)):
        with suppress(OSError, ValueError):  # macOS does not bound the memory
            resource.setrlimit(kind, (most, most))


def _refuse(why: object) -> NoReturn:
    raise TemplateError(str(why)[:200])


def _rendered(template: str, values: dict[str, Any], most: int) -> str:
    """What the template makes. Raises ValueError: more than so many characters."""
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols]
    )
    environment.globals["raise_exception"] = _refuse
    environment.globals["strftime_now"] = lambda how: datetime.now().strftime(how)
    parts, length = [], 0
    for part in environment.from_string(template).generate(**values):
        parts.append(part)
        length += len(part)
        if length > most:
            raise ValueError(f"it makes more than {most:,} characters")
    return "".join(parts)


def main() -> None:
    """Answers what was asked, an object with `template`, `values`, `most`, `seconds` and `memory`:
    an object with the `text`, or with what is wrong, a `fault`."""
    asked = json.load(sys.stdin)
    _bound(asked["seconds"], asked["memory"])
    try:
        said = {"text": _rendered(asked["template"], asked["values"], asked["most"])}
    except MemoryError:
        said = {"fault": f"it needs more than {asked['memory'] >> 20} MB"}
    except Exception as error:  # a template may fail in any way that Python can
        said = {"fault": str(error)[:500] or type(error).__name__}
    json.dump(said, sys.stdout)


if __name__ == "__main__":
    main()
