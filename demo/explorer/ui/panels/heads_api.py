"""The endpoints on what each head did for an answer, and on how many can go."""

from typing import Any

from explorer.analyses.head_ablation import head_effects, prune
from explorer.inference.cost import run_to_end
from explorer.inference.encoder import EncoderModel, Reading
from explorer.ui.api import about
from explorer.ui.checks import answer_or_message, while_awaited
from explorer.ui.models import Screen
from explorer.ui.panels import heads_panel, pruning_panel
from explorer.ui.panels.options import check_label
from explorer.ui.panels.plain import rounded_numbers


class HeadsApi:
    """What programs may ask about the heads behind an answer."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen

    def head_effects(
        self,
        text: str,
        text_pair: str = "",
        label: str = "",
        without: list | None = None,
        bundle: str = "",
    ) -> dict:
        """Every head left out in turn: by how much the probability of a class falls without it.

        Args:
            text: what to read, at most 10,000 characters.
            text_pair: a second text, for models that compare two.
            label: the class; the likeliest if empty.
            without: heads that are out from the beginning, as pairs of layer and head from 1.
            bundle: the title of the model; the page's first one that classifies if empty.

        Returns:
            `effects` (a row for each layer, in it a number for each head: the fall, below 0 a
            rise; null for a head that was out before or was not tried for want of time),
            `log_odds_effects` (the same for the log-odds, the natural logarithm of p / (1 - p),
            which still move where the probability stands near 0 or 1; null for a regression),
            `layer_effects` and `layer_log_odds_effects` (the same without all heads of a layer),
            `matters` (whether any head has an effect of `least`, 0.1 of log-odds or a hundredth of
            a regression's number; below it all are next to nothing), `answers` and `layer_answers`
            (what the model says then, null where it says the same as before), `whole` (the
            probability before) and its `log_odds`, `label`, `not_tried` (how many heads), `before`
            (the heads that were out), and as in /classify `tokens`, `tokens_left_out`,
            `max_tokens`, `bundle`, `precision`.
        """
        return answer_or_message(self._effects, (bundle, text, text_pair, without), label)

    def pruning(
        self,
        text: str,
        text_pair: str = "",
        label: str = "",
        measured: str = pruning_panel.AGAIN,
        without: list | None = None,
        bundle: str = "",
    ) -> dict:
        """Heads left out one after another, those first that move the log-odds of a class least.

        Args:
            text: what to read, at most 10,000 characters.
            text_pair: a second text, for models that compare two.
            label: the class; the likeliest if empty.
            measured: "again as heads go" (as often as fits into 10 seconds) or "once": how often
                the effects are measured by which heads go.
            without: heads that are out from the beginning, as pairs of layer and head from 1.
            bundle: the title of the model; the page's first one that classifies if empty.

        Returns:
            `order` (groups of heads, each a list of pairs of layer and head from 1; of one head,
            or of several neighbours where time is short), `heads_gone` (0, then how many after each
            group), `values` (the probability of `label` at each of these points), `log_odds` (of
            the same; null for a regression), `answers` (what the model says there), `flip` (the
            first point, from 0, at which it says something else; null: none), `every` (after so
            many groups the effects were measured again; null: once), `at_once` (how many heads a
            group has at most), and as in /head_effects `label`,
            `before` and what is said of the text and the model.
        """
        return answer_or_message(self._pruning, (bundle, text, text_pair, without), label, measured)

    def _effects(self, asked: tuple, label: Any) -> dict:
        model, reading, chosen = self._read(label, *asked)
        found = run_to_end(while_awaited(head_effects(model, reading, chosen)))
        drawn = heads_panel.payload(model.bundle, reading, chosen, found)
        return {**rounded_numbers(drawn), **about(model, reading)}

    def _pruning(self, asked: tuple, label: Any, measured: Any) -> dict:
        again = pruning_panel.check_measured(measured)
        model, reading, chosen = self._read(label, *asked)
        curve = run_to_end(while_awaited(prune(model, reading, chosen, again=again)))
        drawn = pruning_panel.payload(model.bundle, reading, chosen, curve)
        return {**rounded_numbers(drawn), **about(model, reading)}

    def _read(
        self, label: Any, bundle: Any, text: Any, text_pair: Any, without: Any
    ) -> tuple[EncoderModel, Reading, int]:
        title = bundle or self._screen.first("classifies")
        model, reading = self._screen.answer(title, text, text_pair, without)
        likeliest = reading.likeliest
        return model, reading, check_label(label, model.bundle) if label else likeliest
