"""A decoder alone, as far as texts are given to it: a reader's prompt, cut into tokens, as it is or
inside the model's chat template, which stands around a reader's words as the model learned to be
asked. `generator.py` goes on from it.
"""

from dataclasses import dataclass, replace

from bundle_format.folder import AGAIN, BundleError
from explorer.bundle import Bundle
from explorer.errors import RequestError
from explorer.inference.reading import GivenText
from explorer.inference.tokenizing import TextEncoder
from explorer.writing.chat_template import ChatTemplate


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
            except ValueError as error:
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
