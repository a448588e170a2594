"""The form of the Write tab: a source or a prompt, how it came about, and the buttons below it."""

from collections.abc import Sequence
from typing import Any

import gradio as gr
from gradio.blocks import Block
from gradio.events import Dependency

from bundle_format.schema import Example
from explorer.ui import payloads, wording
from explorer.ui.checks import check_example
from explorer.ui.events import Update, in_browser, on, sent_with
from explorer.ui.models import Model, PageModels
from explorer.ui.sources.offered import Source, offered_sources
from explorer.ui.widgets import widget

# What is written, pasted or deleted over a corrupted text is nobody's damage. gradio's event of
# input comes for typing alone; its event of change comes for the page's own texts too.
_OWN_TEXT = "(text, given, mark) => (given?.text === text ? [given, mark] : [null, {}])"
_WITH_PREFIX = """(prefix, text, known) => {
    const old = (known ?? []).find((one) => text.startsWith(one)) ?? "";
    return (prefix ?? "") + text.slice(old.length);
}"""
_PREFIX_OF = '(text, known) => (known ?? []).find((one) => text.startsWith(one)) ?? ""'


class SourceForm:
    """The components of the form, and what changes the source that stands there.

    Args:
        first: the first model that writes.
    """

    def __init__(self, models: PageModels, first: Model) -> None:
        self._models = models
        source = _first_source(first)
        self.prefix = gr.Dropdown(
            [],
            label="Task",
            info="What stands before the source says what is to be done with it.",
            visible=False,
            elem_id="prefix",
            allow_custom_value=True,
        )
        self.prefixes = gr.JSON(visible=False)
        self.text = gr.Textbox(
            source.text, lines=1, max_lines=8, elem_id="source", **_called(first)
        )
        self.corrupted = gr.JSON(source._asdict(), visible=False)
        with gr.Row(elem_id="write_buttons"):
            self.write = gr.Button("Write", variant="primary", elem_id="write", min_width=110)
            self.stop = gr.Button("Stop", interactive=False, elem_id="stop", min_width=80)
            self.corrupt = gr.Button("Corrupt two words", elem_id="corrupt", min_width=190)
        self.mark = widget("corrupted", value=payloads.mark(source, first))
        self.examples = widget("examples", "write_examples")

    @property
    def source(self) -> list[Block]:
        """What another source changes: the text, and how it came about."""
        return [self.text, self.corrupted, self.mark]

    @property
    def of_model(self) -> list[Block]:
        """What another model changes."""
        return [*self.source, self.examples, self.corrupt, self.prefix, self.prefixes]

    def wire(self, title: gr.Dropdown) -> Dependency:
        """What changes the source: a reader's own writing, a prefix, an example. Gives the event
        after which an example stands there.

        Args:
            title: of the model that is chosen.
        """
        corrupted = [self.corrupted, self.mark]
        in_browser(self.text.change, _OWN_TEXT, [self.text, *corrupted], corrupted)
        prefixed = [self.prefix, self.text, self.prefixes]
        in_browser(self.prefix.input, _WITH_PREFIX, prefixed, [self.text])
        in_browser(self.text.change, _PREFIX_OF, prefixed[1:], [self.prefix])
        return on(self.examples.choose, self.choose_example, {"title": title}, self.source)

    def begin(self, model: Model) -> Update:
        """A model is there, the first or another: its first source stands there. Nothing changes
        where it does not write."""
        decoder = model.bundle.decoder
        if decoder is None:
            return {self.text: gr.skip()}
        first, offered = _first_source(model), offered_sources(model)
        return {
            **self.put(first, model),
            self.text: gr.update(value=first.text, **_called(model)),
            self.examples: payloads.examples([Example(text=source.text) for source in offered]),
            self.corrupt: gr.update(visible=decoder.restores),
            self.prefix: _offer(decoder.prefixes, first.text),
            self.prefixes: sorted(decoder.prefixes, key=len, reverse=True),
        }

    def choose_example(self, event: gr.EventData, title: Any) -> Update:
        """An example was chosen."""
        model = self._models.model(title)
        chosen = check_example(sent_with(event).get("index"), offered_sources(model))
        return self.put(chosen, model)

    def put(self, source: Source, model: Model, *, asked: bool = False) -> Update:
        """A source stands there, and how it came about.

        Args:
            asked: whether it was just to be corrupted.
        """
        return {
            self.text: source.text,
            self.corrupted: source._asdict(),
            self.mark: payloads.mark(source, model, asked=asked),
        }


def _first_source(model: Model) -> Source:
    """What the model writes from at first."""
    return next(iter(offered_sources(model)), Source("", ""))


def _called(model: Model) -> dict[str, Any]:
    """What stands beside the text that a model goes on from."""
    decoder = model.bundle.decoder
    assert decoder, "it writes"
    return {"label": "Prompt" if decoder.alone else "Source", "info": wording.asked(decoder)}


def _offer(prefixes: Sequence[str], text: str) -> dict[str, Any]:
    """The choice of a prefix, where a model has any, and the one that a text has."""
    choices = [("None", ""), *((one.strip(), one) for one in prefixes)]
    own = max((one for one in prefixes if text.startswith(one)), key=len, default="")
    return gr.update(choices=choices, value=own, visible=bool(prefixes))
