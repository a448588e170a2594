"""What happens when someone uses the page: values of its components in, new values out.

Every method is the handler of one kind of event; app.py says which components it reads and fills.
Whoever speaks HTTP can call these with anything, so each value is checked again.
"""

from typing import Any

import gradio as gr

from explorer import payloads, sentences
from explorer.bundle import Example
from explorer.clicks import clicked_row, sent_with
from explorer.edge import answer_or_message
from explorer.overview import draw_overview
from explorer.request import MEAN, RequestError
from explorer.screen import Chosen, Screen, Selected
from explorer.view import MapView, telling_head

MAP_VALUES = 6
"""How many values `_map` gives."""


class Events:
    """The handlers of one page."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen

    def read(self, title: Any, text: Any, text_pair: Any, *controls: Any) -> tuple:
        """A text is to be read. Gives: shown, notice, answer, and the map."""
        try:
            runner, reading = self._screen.read(title, text, text_pair)
            shown = {"bundle": title, "text": reading.text, "text_pair": reading.text_pair}
            selected = self._screen.select(Chosen(shown, *controls))
        except RequestError as error:
            lines = [str(error), "What stands below is still the answer to the text before."]
            return gr.skip(), {"error": True, "lines": lines}, *_skip(1 + MAP_VALUES)
        return (
            shown,
            {"error": False, "lines": sentences.notices(reading, runner.bundle)},
            payloads.answer(reading, runner.bundle),
            *self._map(selected, Chosen(shown, *controls), overview=True),
        )

    def draw(self, *controls: Any) -> tuple:
        """Another layer or head was chosen by a control. Gives the map."""
        chosen = Chosen(*controls)
        return self._map(self._select(chosen), chosen)

    def switch_special_tokens(self, *controls: Any) -> tuple:
        """Special tokens are to be hidden, or shown. Gives the map."""
        chosen = Chosen(*controls)
        return self._map(self._select(chosen), chosen, overview=True)

    def choose_head(self, event: gr.EventData, *controls: Any) -> tuple:
        """A tile was chosen among all heads. Gives layer, head, and the map."""
        data = sent_with(event)
        layer, head = data.get("layer"), data.get("head")
        chosen = Chosen(*controls)._replace(layer=layer, head=head)
        return layer, head, *self._map(self._select(chosen), chosen)

    def choose_row(self, event: gr.SelectData, *controls: Any) -> dict[str, Any]:
        """The map's picture was clicked. Gives the tokens, with that row's one chosen."""
        selected = self._select(Chosen(*controls))
        view = selected.view
        row = clicked_row(event, view)
        return payloads.tokens(selected.reading, view, selected.runner.bundle, row)

    def begin(self, title: Any, special_tokens: Any, dark: Any) -> tuple:
        """The page is opened, or another model chosen: its first example is read.

        Gives: facts, the foot's lines, examples, the texts, layer, head, and all that `read` gives.
        """
        bundle = answer_or_message(self._screen.runner, title).bundle
        if not bundle.classifies:
            known = payloads.facts(bundle), sentences.about(bundle)
            return *known, *_skip(6), None, *_skip(2 + MAP_VALUES)
        example = bundle.examples[0] if bundle.examples else Example(text="")
        layer, head = 0, 0
        if bundle.examples:
            _, reading = self._screen.read(title, example.text, example.text_pair)
            layer, head = telling_head(reading)
        layers, heads = payloads.layer_choices(bundle), payloads.head_choices(bundle)
        return (
            payloads.facts(bundle),
            sentences.about(bundle),
            payloads.examples(bundle),
            *_texts(example),
            gr.Dropdown(choices=layers, value=layer + 1),
            gr.Dropdown(choices=heads, value=head + 1),
            *self.read(
                title, example.text, example.text_pair, layer + 1, head + 1, special_tokens, dark
            ),
        )

    def choose_example(self, event: gr.EventData, title: Any, *controls: Any) -> tuple:
        """An example was chosen. Gives the texts, and all that `read` gives."""
        examples = answer_or_message(self._screen.runner, title).bundle.examples
        data = sent_with(event)
        index = data.get("index")
        if type(index) is not int or not 0 <= index < len(examples):
            raise gr.Error(
                f"There is no example {index!r:.30}; this bundle has {len(examples)}.",
                print_exception=False,
            )
        example = examples[index]
        return *_texts(example), *self.read(title, example.text, example.text_pair, *controls)

    def files(self, *controls: Any) -> tuple:
        """The map as files to keep, on white paper. Gives a PNG and an SVG."""
        if not Chosen(*controls).shown:
            return gr.skip(), gr.skip()
        view = self._select(Chosen(*controls)).view
        paths = self._screen.picture(view), self._screen.picture(view, format="svg")
        return tuple(gr.update(value=path, interactive=True) for path in paths)

    def _select(self, chosen: Chosen) -> Selected:
        return answer_or_message(self._screen.select, chosen)

    def _map(self, selected: Selected, chosen: Chosen, *, overview: bool = False) -> tuple:
        """All heads with the chosen one marked, the picture, the tokens, notes, the two files.

        The picture of all heads stays as it is unless `overview` asks for a new one.
        """
        view, bundle = selected.view, selected.runner.bundle
        heads: dict[str, Any] = {"chosen": [view.layer + 1, head_name(view)]}
        if overview:
            heads["value"] = payloads.heads(
                bundle, draw_overview(selected.reading.weights, view.queries, view.keys)
            )
        picture = self._screen.picture(view, dark=bool(chosen.dark))
        return (
            gr.update(**heads),
            gr.update(value=picture, alt_text=sentences.map_description(view)),
            payloads.tokens(selected.reading, view, bundle),
            sentences.map_notes(view, selected.reading),
            # The files of the map before must not be taken for this one's.
            gr.update(interactive=False),
            gr.update(interactive=False),
        )


def head_name(view: MapView) -> int | str:
    return MEAN if view.head is None else view.head + 1


def _texts(example: Example) -> tuple:
    """The values of the two text boxes, and of the fold that holds the second."""
    pair = example.text_pair
    return example.text, pair, gr.Accordion(open=bool(pair))


def _skip(count: int) -> list:
    return [gr.skip() for _ in range(count)]
