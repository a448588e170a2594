"""A decoder alone, as far as texts are given to it: a reader's prompt, cut into tokens, as it is or
inside the model's chat template, which stands around a reader's words as the model learned to be
asked. `generator.py` goes on from it.

A chat template is a template of Jinja from outside. It runs where nothing can be changed, and
nothing but what it is given can be reached; what it makes is bounded.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from jinja2 import TemplateError
from jinja2.ext import loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment

from bundle_format.folder import AGAIN, BundleError
from bundle_format.schema import MAX_CHARACTERS
from explorer.bundle import Bundle
from explorer.errors import RequestError, reason
from explorer.inference.reading import GivenText
from explorer.inference.tokenizing import TextEncoder

_LARGEST_TEMPLATE = 2**20
"""Bytes of a template; those with tools in them have twenty thousand."""
_MOST_ADDED = 50_000
"""Characters that it may put around a reader's."""


class Chat(NamedTuple):
    """A reader's words as the model is asked."""

    text: str
    """All of it."""
    own: tuple[int, int]
    """From which character up to which it is the reader's."""


class ChatTemplate:
    """A template that asks with one message of a user, and has the model answer.

    Raises:
        BundleError: the file is no template, or makes nothing of a message.
    """

    def __init__(self, file: Path, names: dict[str, str]) -> None:
        """Args: names: of special tokens, such as `bos_token`, which templates write by them."""
        self._names = names
        environment = ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols]
        )
        environment.globals["raise_exception"] = _refuse
        environment.globals["strftime_now"] = lambda how: datetime.now().strftime(how)
        try:
            if (size := file.stat().st_size) > _LARGEST_TEMPLATE:
                raise ValueError(f"it has {size:,} bytes; expected at most {_LARGEST_TEMPLATE:,}")
            self._template = environment.from_string(file.read_text(encoding="utf-8"))
            self.around("A first run.")
        except Exception as error:  # a template may fail in any way that Python can
            raise BundleError(f"{file} is no chat template: {reason(error)}. {AGAIN}") from error

    def around(self, text: str) -> Chat:
        """Puts a reader's words into the template. Raises ValueError: they are not in what comes
        out, or it is far longer."""
        message: dict[str, Any] = {"role": "user", "content": text}
        made = self._template.render(
            messages=[message], add_generation_prompt=True, tools=None, **self._names
        )
        if len(made) > MAX_CHARACTERS + _MOST_ADDED:
            raise ValueError(f"it makes {len(made):,} characters of {len(text):,}")
        own = text.strip()
        start = made.rfind(own)
        if start < 0:
            raise ValueError("it leaves out what it is given")
        return Chat(made, (start, start + len(own)))


def _refuse(why: object) -> NoReturn:
    raise TemplateError(str(why)[:200])


@dataclass(frozen=True, kw_only=True)
class Prompt(GivenText):
    """What a decoder alone goes on from."""

    templated: bool
    """Whether it stands in the chat template."""


class PromptModel:
    """A bundle that goes on from prompts. Beside `EncoderModel`, which reads.

    Raises:
        BundleError: the tokenizer's file or the chat template's is none, or the tokenizer has more
            ids than the graph.
    """

    mask = ""
    """Nothing stands for a word that is missing: words of a prompt are taken out."""
    can_ablate = False
    """Heads are ablated for what was written, not for a prompt."""

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        self._encoder = TextEncoder(bundle.tokenizer_file, bundle.most_tokens)
        if self._encoder.size > bundle.vocabulary:
            raise BundleError(
                f"{bundle.tokenizer_file} has {self._encoder.size} ids; bundle.json has "
                f"{bundle.vocabulary} as sizes.vocabulary. {AGAIN}"
            )
        self._template = None
        if bundle.chat_template:
            self._template = ChatTemplate(bundle.chat_template, dict(bundle.token_names))

    @property
    def chats(self) -> bool:
        """Whether there is a template."""
        return self._template is not None

    def read(self, text: str, *, chat: bool = True) -> Prompt:
        """Cuts a prompt into tokens.

        Args:
            chat: whether it is put into the chat template, where there is one. All tokens that are
                then not the reader's are special.

        Raises:
            RequestError: the prompt is too long, or the template refuses it.
        """
        templated = chat and self._template is not None
        encoded = self._encoder.encode(text)
        if chat and self._template:
            try:
                made = self._template.around(text)
            except Exception as error:  # a template may fail in any way that Python can
                raise RequestError(
                    "The chat template cannot take this prompt in. Switch the template off."
                ) from error
            encoded = replace(self._encoder.encode_within(*made), text=text)
        if encoded.tokens_left_out:
            whole = len(encoded.ids) + encoded.tokens_left_out
            raise RequestError(
                f"The prompt has {whole:,} tokens; this page has the model go on from "
                f"{self.bundle.most_tokens:,} at most. Shorten it."
            )
        return Prompt(encoded=encoded, templated=templated)

    def reading_bytes(self, tokens: int) -> int:
        """The memory that a prompt of so many tokens holds: see `GivenText.bytes`."""
        return 0
