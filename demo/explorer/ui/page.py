"""The page: its title, the choice of a model, the tabs, and the foot."""

import gradio as gr

from explorer.ui import payloads, wording
from explorer.ui.classify_tab import ClassifyTab
from explorer.ui.models import PageModels
from explorer.ui.widgets import Frame, widget
from explorer.ui.write_tab import WriteTab


class Page:
    """The components of a page, inside the Blocks that is open."""

    def __init__(self, models: PageModels) -> None:
        bundles = models.bundles
        first = bundles[0]
        gr.Markdown(f"# Attention Explorer\n{wording.promise(bundles)}", elem_id="title")
        self.frame = Frame(
            bundle=gr.Dropdown(
                [bundle.title for bundle in bundles],
                value=first.title,
                label="Model",
                visible=len(bundles) > 1,
                elem_id="bundle",
            ),
            facts=widget("facts", value=payloads.facts(first)),
            tour=widget("tour", value=payloads.tour(models.model(first.title))),
            about=widget("about", render=False),
        )
        self.write: WriteTab | None = None
        """None where no bundle writes: the page has no tabs then."""
        if any(bundle.writes for bundle in bundles):
            # Which of them the model has is told by the facts, and followed in page.css: gradio's
            # own way fails for a tab that was never open.
            with gr.Tabs(selected="classify" if first.classifies else "write") as tabs:
                with gr.Tab("Classify", id="classify", elem_id="classify_tab"):
                    self.classify = ClassifyTab(models, self.frame)
                self.write = WriteTab(models, self.frame, tabs)
        else:
            self.classify = ClassifyTab(models, self.frame)
        widget("glossary", value={"begin": True})
        self.frame.about.render()

    def wire(self, app: gr.Blocks) -> None:
        """Joins the components to what they do."""
        begun, changed = self.classify.wire(app.load)
        if self.write:
            self.write.wire(begun, changed)
