"""The page: the command that serves it, and its wiring.

Where things stand is in explorer/layout.py, what they do in explorer/events.py, what they say in
explorer/sentences.py.
"""

import argparse
import inspect
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from explorer.api import Api
from explorer.bundle import Bundle, open_bundle
from explorer.bundle_graph import PRECISIONS
from explorer.bundle_schema import BundleError
from explorer.layout import lay_out
from explorer.memory import give_memory_back
from explorer.panels.registry import classify_endpoints, write_endpoints
from explorer.reading_api import ReadingApi
from explorer.runner import Runner
from explorer.screen import Screen
from explorer.streams import safe_streams
from explorer.theme import make_theme
from explorer.widgets import PAGE
from explorer.wiring import wire
from explorer.write_api import WriteApi
from explorer.write_screen import WriteScreen
from explorer.write_wiring import wire_write

DEFAULT_BUNDLE = Path(__file__).parent / "bundles" / "reviews"

# One queue for all that runs a model or draws; what waits beyond max_size is turned away.
WORK: dict[str, Any] = {"concurrency_id": "work", "concurrency_limit": 1}
PRIVATE: dict[str, Any] = {
    **WORK,
    "api_visibility": "private",
    "show_progress": "hidden",
    "trigger_mode": "always_last",  # of quick clicks the last one counts
}


def build_app(bundles: Sequence[Bundle]) -> gr.Blocks:
    """The page for one bundle or several. Opens and runs their graphs; launches nothing.

    Raises:
        BundleError: a graph does not open, or is not what its `bundle.json` says; or two bundles
            have one title.
    """
    titles = [bundle.title for bundle in bundles]
    if len(set(titles)) < len(titles):
        raise BundleError(
            f"The bundles have the titles {', '.join(titles)}; a reader chooses by title, so they "
            "must differ. Export one again with another --title"
        )
    screen = Screen([Runner(bundle) for bundle in bundles])
    with gr.Blocks(
        title="Attention Explorer", analytics_enabled=False, delete_cache=(600, 3600)
    ) as app:
        page = lay_out(bundles)
        api, of_reading = Api(screen), ReadingApi(screen)
        endpoints: list[Callable] = [api.attention, of_reading.head_types, of_reading.rollout]
        if any(bundle.classifies for bundle in bundles):
            endpoints.insert(0, api.classify)
            endpoints += classify_endpoints(screen)
        opened, changed = wire(app, page, screen, PRIVATE)
        if page.write:
            writing = WriteScreen(screen)
            wire_write(page, writing, opened, changed, PRIVATE)
            writes = WriteApi(writing)
            endpoints += [writes.generate, writes.cross_attention, *write_endpoints(writing)]
        for endpoint in endpoints:
            # The whole docstring: gradio by itself would leave out what the arguments mean.
            gr.api(endpoint, api_description=inspect.getdoc(endpoint), **WORK)
    return app.queue(max_size=32, default_concurrency_limit=1, api_open=False)


def launch(app: gr.Blocks, **options: Any) -> tuple[Any, str, str]:
    """Serves the page with what it needs and without what it does not."""
    return app.launch(
        theme=make_theme(),
        css_paths=PAGE / "page.css",
        footer_links=["api"],
        run_history=False,  # it would keep visitors' texts in their browsers
        enable_monitoring=False,
        max_file_size="64kb",  # nothing is uploaded, but the route for it is open
        ssr_mode=False,
        pwa=False,
        show_error=False,
        **options,
    )


def build_parser() -> argparse.ArgumentParser:
    """The command's flags."""
    parser = argparse.ArgumentParser(
        description="Serves a page that shows what a model's attention looks at.",
        epilog="example: python demo/app.py --bundle bundles/reviews --precision float32",
    )
    parser.add_argument(
        "--bundle",
        type=Path,
        nargs="+",
        action="extend",
        help="folders made by export/to_onnx.py; several give the page a chooser "
        f"(default: {DEFAULT_BUNDLE.name}, the one beside app.py)",
    )
    parser.add_argument(
        "--precision",
        choices=PRECISIONS,
        help="which graph of a bundle runs (default: 8bit where there is one)",
    )
    parser.add_argument("--host", help="address to listen on (default: 127.0.0.1)")
    parser.add_argument(
        "--port", type=int, help="port to listen on (default: first free from 7860)"
    )
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Serves the page; 2 if a bundle cannot be opened, with a sentence that says why."""
    safe_streams()
    options = build_parser().parse_args(arguments)
    give_memory_back()
    try:
        folders = options.bundle or [DEFAULT_BUNDLE]
        app = build_app([open_bundle(folder, options.precision) for folder in folders])
    except BundleError as error:
        print(error, file=sys.stderr)
        return 2
    launch(app, server_name=options.host, server_port=options.port)
    return 0


if __name__ == "__main__":
    sys.exit(main())
