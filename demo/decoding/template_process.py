"""Renders a chat template in a process of its own, which may be killed: see `chat_template.py`.

    python template_process.py < asked.json

A template of Jinja from outside may loop for ever, or fill the memory. Here it may use so much of
both and no more, runs where nothing can be changed, and reaches nothing but what it is given.
"""

import json
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Any, NoReturn

from jinja2 import TemplateError
from jinja2.ext import Extension, loopcontrols
from jinja2.nodes import CallBlock, Node
from jinja2.parser import Parser
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


class _Generation(Extension):
    """`{% generation %}`, within which a template has what the model itself says, so that who
    trains finds it: here it is rendered as all else, in a scope of its own as in `transformers`."""

    tags = {"generation"}  # noqa: RUF012  # jinja2 asks for a set

    def parse(self, parser: Parser) -> Node:
        """The node that renders what stands up to `{% endgeneration %}`."""
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return CallBlock(self.call_method("_rendered"), [], [], body).set_lineno(line)

    def _rendered(self, caller: Callable[[], str]) -> str:
        return caller()


def _as_json(
    value: object,
    ensure_ascii: bool = False,
    indent: int | str | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    """The filter `tojson` as chat templates are written for: jinja's own escapes what is HTML."""
    return json.dumps(
        value,
        ensure_ascii=ensure_ascii,
        indent=indent,
        separators=separators,
        sort_keys=sort_keys,
    )


def _environment() -> ImmutableSandboxedEnvironment:
    """What templates find beside their values: the tags and filters of `transformers`."""
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[_Generation, loopcontrols]
    )
    environment.filters["tojson"] = _as_json
    environment.globals["raise_exception"] = _refuse
    environment.globals["strftime_now"] = lambda how: datetime.now().strftime(how)
    return environment


def _rendered(template: str, values: dict[str, Any], most: int) -> str:
    """What the template makes. Raises ValueError: more than so many characters, or what is none."""
    parts, length = [], 0
    for part in _environment().from_string(template).generate(**values):
        parts.append(part)
        length += len(part)
        if length > most:
            raise ValueError(f"it makes more than {most:,} characters")
    text = "".join(parts)
    # Here and not where it is read: two halves that do not belong together are one in JSON.
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("it makes half of a character (a lone surrogate)")
    return text


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
        why = str(error)[:500] or type(error).__name__
        # In its own words there may be halves of characters too, which nobody could print.
        said = {"fault": why.encode("utf-8", "backslashreplace").decode("utf-8")}
    json.dump(said, sys.stdout)


if __name__ == "__main__":
    main()
