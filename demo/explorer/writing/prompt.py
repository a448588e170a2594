"""A decoder alone, as far as texts are given to it: a reader's prompt, cut into tokens, as it is or
inside the model's chat template, which stands around a reader's words as the model learned to be
asked. Where a template fails, the prompt is given as it is. `generator.py` goes on from it.
"""

from dataclasses import dataclass, replace

from bundle_format.folder import AGAIN, BundleError
from decoding.chat_template import Chat, ChatTemplate
from explorer.bundle import Bundle
from explorer.errors import RequestError, reason
from explorer.inference.reading import GivenText
from explorer.inference.tokenizing import TextEncoder


@dataclass(frozen=True, kw_only=True)
class Prompt(GivenText):
    """What a decoder alone goes on from."""

    templated: bool
    """Whether it stands in the chat template."""
    untemplated: str = ""
    """Why it does not, where it should."""


class PromptModel:
    """A bundle that goes on from prompts. Beside `EncoderModel`, which reads.

    Raises:
        BundleError: the tokenizer's file is none, or has more ids than the graph.
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
        self._template, self._no_template = None, ""
        if bundle.chat_template:
            names = dict(bundle.token_names)
            try:
                self._template = ChatTemplate.of_file(bundle.chat_template, names)
            except (OSError, ValueError) as error:
                self._no_template = reason(error)

    @property
    def chats(self) -> bool:
        """Whether there is a template that takes prompts in."""
        return self._template is not None

    def read(self, text: str, *, chat: bool = True) -> Prompt:
        """Cuts a prompt into tokens.

        Args:
            chat: whether it is put into the chat template, where there is one. All tokens that are
                then not the reader's are special.

        Raises:
            RequestError: the prompt is too long.
        """
        encoded, (made, untemplated) = self._encoder.encode(text), self._templated(text, chat)
        if made:
            encoded = replace(self._encoder.encode_within(*made), text=text)
        if encoded.tokens_left_out:
            whole = len(encoded.ids) + encoded.tokens_left_out
            raise RequestError(
                f"The prompt has {whole:,} tokens; this page has the model go on from "
                f"{self.bundle.most_tokens:,} at most. Shorten it."
            )
        return Prompt(encoded=encoded, templated=made is not None, untemplated=untemplated)

    def _templated(self, text: str, chat: bool) -> tuple[Chat | None, str]:
        """A prompt in the template, where there is one and it is asked for; or why it is not."""
        if not chat or self._template is None:
            return None, self._no_template if chat else ""
        try:
            return self._template.around(text), ""
        except ValueError as error:
            return None, reason(error)

    def reading_bytes(self, tokens: int) -> int:
        """The memory that a prompt of so many tokens holds: see `GivenText.bytes`."""
        return 0
