"""What happens to the map of a written text; a sibling of `events.py`, with the same caution:
whoever speaks HTTP can call these with anything."""

from typing import Any

import gradio as gr

from explorer import write_payloads, write_sentences
from explorer.clicks import clicked_row, sent_with
from explorer.edge import answer_or_toast
from explorer.pictures import kept_picture
from explorer.shown_map import MAP_VALUES, all_heads, map_values, skip
from explorer.typed_heads import type_of_head
from explorer.write_screen import WriteChosen, WriteScreen, WriteSelected
from explorer.writing import SOURCE


class WriteMapEvents:
    """The handlers of the map in one page's Write tab."""

    def __init__(self, screen: WriteScreen) -> None:
        self._screen = screen

    def finish(self, *controls: Any) -> tuple:
        """The writing came to an end, or was stopped. Gives: stop, and the map."""
        chosen = WriteChosen(*controls)
        if not chosen.shown:
            return gr.update(interactive=False), *skip(MAP_VALUES)
        return gr.update(interactive=False), *self.redraw(*controls)

    def look_elsewhere(self, *controls: Any) -> tuple:
        """The source is to be looked at, or the text itself. Gives: by_norms, and the map, all
        heads drawn anew."""
        chosen = WriteChosen(*controls)
        if chosen.looks_at == SOURCE:
            switch = gr.update(interactive=True, info="")
            return switch, *self.redraw(*controls)
        switch = gr.update(value=False, interactive=False, info=write_sentences.NO_NORMS)
        return switch, *self.redraw(*chosen._replace(by_norms=False))

    def redraw(self, *controls: Any) -> tuple:
        """What is shown of maps changed. Gives the map, all heads drawn anew."""
        chosen = WriteChosen(*controls)
        return written_map(self._select(chosen), chosen, overview=True)

    def draw(self, *controls: Any) -> tuple:
        """Another layer or head was chosen by a control. Gives the map."""
        chosen = WriteChosen(*controls)
        return written_map(self._select(chosen), chosen)

    def choose_head(self, event: gr.EventData, *controls: Any) -> tuple:
        """A tile was chosen among all heads. Gives layer, head, and the map."""
        layer, head = (sent_with(event).get(name) for name in ("layer", "head"))
        return layer, head, *self.draw(*WriteChosen(*controls)._replace(layer=layer, head=head))

    def choose_row(self, event: gr.EventData, *controls: Any) -> dict[str, Any]:
        """The map's picture was clicked. Gives the written tokens, with that row's one chosen."""
        selected = self._select(WriteChosen(*controls))
        row = clicked_row(event, selected.view)
        return write_payloads.written(selected, chosen=row)

    def keep_png(self, *controls: Any) -> dict[str, str]:
        """The map is to be kept. Gives the file."""
        return kept_picture(self._select(WriteChosen(*controls)).view, "png")

    def keep_svg(self, *controls: Any) -> dict[str, str]:
        """The same, as lines that can be drawn at any size."""
        return kept_picture(self._select(WriteChosen(*controls)).view, "svg")

    def _select(self, chosen: WriteChosen) -> WriteSelected:
        return answer_or_toast(self._screen.select, chosen)


def written_map(selected: WriteSelected, chosen: WriteChosen, *, overview: bool = False) -> tuple:
    """The values of `shown_map` for a written text."""
    view = selected.view
    return map_values(
        view,
        dark=chosen.dark,
        tokens=write_payloads.written(selected),
        notes=write_sentences.map_notes(view, type_of_head(selected.maps, view.layer, view.head)),
        overview=all_heads(selected.maps) if overview else None,
    )
