"""The endpoint on what a written text owes to its source."""

from typing import Any

from explorer.analyses.source_attribution import (
    SOURCE_REMOVALS,
    cross_attention_by_word,
    source_attribution,
)
from explorer.inference.cost import run_to_end
from explorer.ui.api import rounded
from explorer.ui.checks import answer_or_message, while_awaited
from explorer.ui.models import WriteScreen
from explorer.ui.panels.source_panel import check_source_removal
from explorer.ui.write_api import about_generation


class SourceApi:
    """What programs may ask about a text and its source."""

    def __init__(self, screen: WriteScreen) -> None:
        self._screen = screen

    def source_reliance(
        self, text: str, target: str = "", way: str = SOURCE_REMOVALS[0], bundle: str = ""
    ) -> dict:
        """How much each written token owes to the source, and to each word of it.

        Args:
            text: the source, at most 10,000 characters.
            target: the text to follow, as if the decoder had written it; if empty it writes one.
            way: how a word is taken away: "before the encoder" (its tokens become the mask token)
                or "in cross-attention only" (the decoder may not look at it).
            bundle: the title of the model; the page's first one that writes if empty.

        Returns:
            `log_probabilities` of the target's tokens (natural logarithms), `whole` (by how much
            each falls without any word of the source), `effects` (a row for each token of the
            target, in it a number for each of `words`: by how much it falls without that word),
            `attention` (the same shape: the mean cross-attention on each word), `words`,
            `words_left_out` (not tried, for want of time), `target_left_out`, and as in /generate
            `text`, `target` and what is said of the source and the models.
        """
        title = bundle or self._screen.screen.first("writes")
        return answer_or_message(self._reliance, title, text, target, way)

    def _reliance(self, title: Any, text: Any, target: Any, way: Any) -> dict:
        checked = check_source_removal(way)
        model, generator = self._screen.screen.model(title), self._screen.generator(title)
        generation, left_out = self._screen.target(title, text, target)
        found = run_to_end(while_awaited(source_attribution(model, generator, generation, checked)))
        return {
            "way": checked,
            "log_probabilities": rounded(found.log_probabilities),
            "whole": rounded(found.whole),
            "words": [word.text for word in found.words],
            "effects": [rounded(row) for row in found.effects],
            "attention": [rounded(row) for row in cross_attention_by_word(generation, found.words)],
            "words_left_out": found.left_out,
            "target_left_out": left_out,
            **about_generation(self._screen, title, generation),
        }
