"""The endpoint on what each head of a decoder did for a written text."""

from typing import Any

from explorer.analyses.decoder_heads import KINDS, decoder_head_effects
from explorer.inference.cost import run_to_end
from explorer.ui.api import rounded
from explorer.ui.checks import answer_or_message, while_awaited
from explorer.ui.models import WriteScreen
from explorer.ui.panels.plain import plain
from explorer.ui.write_api import about_generation


class DecoderHeadsApi:
    """What programs may ask about the heads behind a written text."""

    def __init__(self, screen: WriteScreen) -> None:
        self._screen = screen

    def decoder_head_effects(self, text: str, target: str = "", bundle: str = "") -> dict:
        """Every head of the decoder left out in turn: by how much the written text loses.

        Args:
            text: the source, at most 10,000 characters.
            target: the text to follow, as if the decoder had written it; if empty it writes one.
            bundle: the title of the model; the page's first one that writes if empty.

        Returns:
            `effects` (for "cross", heads that look at the source, and "self", heads that look back
            at the text: a row for each layer, in it for each head a list with a number for each
            token of the target: by how much the natural logarithm of its probability falls without
            the head, below 0 a rise; null for heads not tried), `log_probabilities` (with all
            heads), `not_tried` (how many heads, for want of time), `target_left_out`, and as in
            /generate `text`, `target` and what is said of the source and the models.
        """
        title = bundle or self._screen.screen.first("writes")
        return answer_or_message(self._effects, title, text, target)

    def _effects(self, title: Any, text: Any, target: Any) -> dict:
        generator = self._screen.generator(title)
        generation, left_out = self._screen.target(title, text, target)
        found = run_to_end(while_awaited(decoder_head_effects(generator, generation)))
        return {
            "effects": {
                kind: plain(effects.round(6))
                for kind, effects in zip(KINDS, found.effects, strict=True)
            },
            "log_probabilities": rounded(found.log_probabilities),
            "not_tried": found.not_tried,
            "target_left_out": left_out,
            **about_generation(self._screen, title, generation),
        }
