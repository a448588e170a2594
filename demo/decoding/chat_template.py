"""A chat template, which stands around a reader's words as a model learned to be asked.

It is a template of Jinja from outside, and could hold the server for ever. So a process of its own
renders it, `template_process.py`, which is ended where it runs too long.
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from bundle_format.typed_json import has_half_characters
from bundle_format.values import MAX_CHARACTERS
from decoding import template_process

_LARGEST_TEMPLATE = 2**20
"""Characters of a template; those with tools in them have twenty thousand."""
_MOST_ADDED = 50_000
"""Characters that it may put around a reader's."""
_SECONDS = 2
"""Of a processor; templates take a few thousandths."""
_PATIENCE = 30.0
"""Seconds until it is ended in any case: on a busy machine, its process alone takes a while."""
_MEMORY = 512 * 2**20
_MOST_KEPT = 64
"""Prompts, of which what was made, or why nothing was, is asked again with each map."""
_NOBODYS = "\ue000\ue001"  # for private use: no template has them


class Chat(NamedTuple):
    """A reader's words as the model is asked."""

    text: str
    """All of it."""
    own: tuple[int, int]
    """From which character up to which it is the reader's."""


class ChatTemplate:
    """A template that asks with one message of a user, and has the model answer."""

    def __init__(self, template: str, names: Mapping[str, str]) -> None:
        """Tries it on a message.

        Args:
            names: of special tokens, such as `bos_token`, which templates write by them.

        Raises:
            ValueError: it is no template, or makes nothing of a message; why.
        """
        self._template, self._names = template, names
        self._made = lru_cache(_MOST_KEPT)(self._make)
        if not template.strip():
            raise ValueError("it is empty")
        if len(template) > _LARGEST_TEMPLATE:
            raise ValueError(f"it has more than {_LARGEST_TEMPLATE:,} characters")
        if has_half_characters(template):
            raise ValueError("it holds half of a character (a lone surrogate)")
        self.around("A first run.")

    @classmethod
    def of_file(cls, file: Path, names: Mapping[str, str]) -> "ChatTemplate":
        """The template in a file. Raises OSError, ValueError: as files do, and `ChatTemplate`."""
        with file.open(encoding="utf-8") as opened:
            return cls(opened.read(_LARGEST_TEMPLATE + 1), names)

    def around(self, text: str) -> Chat:
        """Puts a reader's words into the template. Raises ValueError: it fails, takes too long, or
        makes far more of them, or what does not hold them."""
        today = date.today()
        said = self._made(text, today)
        if "fault" in said:
            raise ValueError(said["fault"])
        made, own = said["text"], text.strip()
        start = made.rfind(own)
        if start < 0:
            raise ValueError("it leaves out what it is given")
        if made.count(own) > 1:  # as "a" in most templates, or "start" in "<|im_start|>"
            other = self._made(_NOBODYS, today).get("text", "")
            before, stood, behind = other.partition(_NOBODYS)
            if stood and made.startswith(before) and made.endswith(behind):
                inside = made.find(own, len(before), len(made) - len(behind))
                start = start if inside < 0 else inside
        return Chat(made, (start, start + len(own)))

    def _make(self, text: str, day: date) -> Mapping[str, str]:
        """The `text` that the template makes of a reader's words on a day, which some templates
        write, or a `fault`. Raises ValueError: the machine is too busy to tell."""
        message = {"role": "user", "content": text}
        # As `transformers` has them, where there are none: templates ask whether they are defined.
        none = {"tools": None, "documents": None}
        values = {"messages": [message], "add_generation_prompt": True, **none}
        asked = {
            "template": self._template,
            "values": {**self._names, **values},
            "most": MAX_CHARACTERS + _MOST_ADDED,
            "seconds": _SECONDS,
            "memory": _MEMORY,
        }
        command = [sys.executable, "-P", template_process.__file__]
        too_long = (
            f"it runs for more than {_SECONDS} seconds, or needs more than {_MEMORY >> 20} MB"
        )
        try:
            done = subprocess.run(
                command, input=json.dumps(asked), capture_output=True, text=True, timeout=_PATIENCE
            )
        except subprocess.TimeoutExpired as error:
            raise ValueError(too_long) from error
        said: Mapping[str, str] = {"fault": too_long}
        if not done.returncode:
            said = json.loads(done.stdout)
        return said
