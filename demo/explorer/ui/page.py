"""The page: its title, the choice of a model, the tabs, and the foot."""

import gradio as gr

from explorer.ui import payloads, reading_tab, write_tab
from explorer.ui.events import in_browser
from explorer.ui.models import PageModels
from explorer.ui.reading_tab import ReadingTab
from explorer.ui.sharing.link import MOST_CHARACTERS
from explorer.ui.tasks.known import promise, task_of
from explorer.ui.widgets import Frame, widget
from explorer.ui.write_tab import WriteTab

_OPEN_LINK = """() => document.querySelector("#link").dispatchEvent(new CustomEvent("link-open"))"""


class Page:
    """The components of a page, inside the Blocks that is open."""

    def __init__(self, models: PageModels) -> None:
        bundles = models.bundles
        first = bundles[0]
        writes = any(bundle.writes for bundle in bundles)
        views = {"classify": reading_tab.VIEWS, **({"write": write_tab.VIEWS} if writes else {})}
        gr.Markdown(f"# Attention Explorer\n{promise(bundles)}", elem_id="title")
        bundle = gr.Dropdown(
            [bundle.title for bundle in bundles],
            value=first.title,
            label="Model",
            visible=len(bundles) > 1,
            elem_id="bundle",
        )
        facts = widget("facts", value=payloads.facts(first))
        with gr.Row(elem_id="page_buttons"):
            tour = widget("tour", value=payloads.tour(models.model(first.title)))
            link = widget("link", value={"views": views, "most": MOST_CHARACTERS})
        self.frame = Frame(
            bundle=bundle,
            facts=facts,
            tour=tour,
            link=link,
            restored=gr.JSON(visible=False),
            views=views,
            about=widget("about", render=False),
        )
        self.write: WriteTab | None = None
        """None where no bundle writes: the page has no tabs then."""
        if writes:
            # Which of them the model has is told by the facts, and followed in page.css: gradio's
            # own way fails for a tab that was never open.
            with gr.Tabs(selected="classify" if first.does("explain") else "write") as tabs:
                with gr.Tab(task_of(first).title, id="classify", elem_id="classify_tab") as tab:
                    self.reading = ReadingTab(models, self.frame, tab)
                self.write = WriteTab(models, self.frame, tabs)
        else:
            self.reading = ReadingTab(models, self.frame)
        widget("glossary", value={"begin": True})
        self.frame.about.render()

    def wire(self, app: gr.Blocks) -> None:
        """Joins the components to what they do."""
        begun, changed, restored = self.reading.wire(app.load)
        if self.write:
            begun = self.write.wire(begun, changed, restored)
        in_browser(begun.then, _OPEN_LINK)  # the browser opens a link once the page stands
