"""What happens when someone uses the page: values of its components in, new values out.

Every method is the handler of one kind of event; app.py says which components it reads and fills.
Whoever speaks HTTP can call these with anything, so each value is checked again.
"""

from typing import Any

import gradio as gr

from explorer.bundle.bundle import Bundle
from explorer.bundle.schema import Example
from explorer.drawing.heatmap import kept_picture
from explorer.errors import RequestError
from explorer.maps.rollout import rollout_view
from explorer.maps.view import first_head
from explorer.ui import payloads, sentences
from explorer.ui.checks import answer_or_toast
from explorer.ui.map_viewer import (
    MAP_VALUES,
    all_heads,
    chosen_example,
    clicked_row,
    head_choice,
    map_values,
    no_map,
    sent_with,
    skip,
)
from explorer.ui.models import Chosen, Screen, Selected
from explorer.ui.payloads import rollout_payload


class Events:
    """The handlers of one page."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen

    def read(self, title: Any, text: Any, text_pair: Any, *controls: Any) -> tuple:
        """A text is to be read; heads that are left out of a model's answer stay out of its next
        one. Gives: shown, notice, answer, left_out, and the map."""
        chosen = Chosen(*controls)
        before = chosen.shown if isinstance(chosen.shown, dict) else {}
        without = before.get("without") if before.get("bundle") == title else None
        try:
            return self._answered(title, text, text_pair, without, chosen)
        except RequestError as error:
            lines = [str(error)]
            if chosen.shown:
                lines.append("What stands below is still the answer to the text before.")
            return gr.skip(), {"error": True, "lines": lines}, *skip(2 + MAP_VALUES)

    def leave_out(self, event: gr.EventData, *controls: Any) -> tuple:
        """Heads are to be left out, all that are named and no others. Gives what `read` gives."""
        chosen = Chosen(*controls)
        model, reading = answer_or_toast(self._screen.shown, chosen.shown)
        texts = model.bundle.title, reading.text, reading.text_pair
        without = sent_with(event).get("without")
        return answer_or_toast(self._answered, *texts, without, chosen)

    def _answered(
        self, title: Any, text: Any, text_pair: Any, without: Any, chosen: Chosen
    ) -> tuple:
        model, reading = self._screen.read(title, text, text_pair, without)
        shown = {
            "bundle": title, "text": reading.text, "text_pair": reading.text_pair,
            "without": reading.ablated,
        }  # fmt: skip
        chosen = chosen._replace(shown=shown)
        return (
            shown,
            {"error": False, "lines": sentences.notices(reading, model.bundle)},
            payloads.answer(reading, model.bundle),
            {"without": reading.ablated, "heads": model.bundle.heads},
            *self._map(self._screen.select(chosen), chosen, overview=True),
        )

    def draw(self, *controls: Any) -> tuple:
        """Another layer or head was chosen by a control. Gives the map."""
        chosen = Chosen(*controls)
        return self._map(self._select(chosen), chosen)

    def redraw(self, *controls: Any) -> tuple:
        """Special tokens are to be hidden or shown, or words cut into pieces. Gives the map, all
        heads drawn anew."""
        chosen = Chosen(*controls)
        return self._map(self._select(chosen), chosen, overview=True)

    def choose_head(self, event: gr.EventData, *controls: Any) -> tuple:
        """A tile was chosen among all heads. Gives layer, head, and the map."""
        data = sent_with(event)
        layer, head = data.get("layer"), data.get("head")
        chosen = Chosen(*controls)._replace(layer=layer, head=head)
        return layer, head, *self._map(self._select(chosen), chosen)

    def choose_row(self, event: gr.EventData, *controls: Any) -> dict[str, Any]:
        """The map's picture was clicked. Gives the tokens, with that row's one chosen."""
        selected = self._select(Chosen(*controls))
        view = selected.view
        row = clicked_row(event, view)
        return payloads.tokens(selected.reading, view, selected.model.bundle, row)

    def begin(self, title: Any, *switches: Any) -> tuple:
        """The page is opened, or another model chosen: its first example is read.

        Args:
            switches: what stands after layer and head in `Chosen`.

        Gives: facts, the foot's lines, examples, the texts, layer, head, and all that `read` gives.
        """
        bundle = answer_or_toast(self._screen.model, title).bundle
        if not bundle.classifies:
            facts, foot = payloads.facts(bundle), sentences.about(bundle)
            return facts, foot, *skip(6), None, *skip(3 + MAP_VALUES)
        known = payloads.facts(bundle), sentences.about(bundle), payloads.examples(bundle.examples)
        if not bundle.examples:
            empty = Example(text="")
            return *known, *_texts(empty), *head_choice(bundle, 1, 1), *_nothing_read(bundle)
        example = bundle.examples[0]
        texts = example.text, example.text_pair
        layer, head = first_head(self._screen.read(title, *texts)[1])
        return (
            *known,
            *_texts(example),
            *head_choice(bundle, layer + 1, head + 1),
            *self.read(title, *texts, None, layer + 1, head + 1, *switches),
        )

    def choose_example(self, event: gr.EventData, title: Any, *controls: Any) -> tuple:
        """An example was chosen. Gives the texts, and all that `read` gives."""
        examples = answer_or_toast(self._screen.model, title).bundle.examples
        example = chosen_example(event, examples)
        return *_texts(example), *self.read(title, example.text, example.text_pair, *controls)

    def show_rollout(self, *controls: Any) -> dict[str, Any]:
        """Another text is there, or shown otherwise. Gives what reaches its first token."""
        if not Chosen(*controls).shown:
            return {}
        selected = self._select(Chosen(*controls))
        view = rollout_view(selected.reading, selected.maps.queries)
        return rollout_payload(selected.reading, view)

    def keep_png(self, *controls: Any) -> dict[str, str]:
        """The map is to be kept. Gives the file."""
        return kept_picture(self._select(Chosen(*controls)).view, "png")

    def keep_svg(self, *controls: Any) -> dict[str, str]:
        """The same, as lines that can be drawn at any size."""
        return kept_picture(self._select(Chosen(*controls)).view, "svg")

    def _select(self, chosen: Chosen) -> Selected:
        return answer_or_toast(self._screen.select, chosen)

    def _map(self, selected: Selected, chosen: Chosen, *, overview: bool = False) -> tuple:
        """The values of `shown_map`; the picture of all heads is a new one where asked for."""
        reading, view, bundle = selected.reading, selected.view, selected.model.bundle
        found = selected.maps.head_type(view.layer, view.head)
        return map_values(
            view,
            dark=chosen.dark,
            tokens=payloads.tokens(reading, view, bundle),
            notes=sentences.map_notes(view, reading, found),
            overview=all_heads(selected.maps) if overview else None,
            without=reading.ablated if selected.model.can_ablate else False,
        )


def _nothing_read(bundle: Bundle) -> tuple:
    """What `read` gives before there is a text: what another model said is gone."""
    return (
        None,
        {"error": False, "lines": []},
        {},
        {"without": [], "heads": bundle.heads},
        *no_map(),
    )


def _texts(example: Example) -> tuple:
    """The values of the two text boxes, and of the fold that holds the second."""
    pair = example.text_pair
    return example.text, pair, gr.Accordion(open=bool(pair))
