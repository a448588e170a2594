"""The command that serves the page. What stands on it is in explorer/ui/page.py."""

import argparse
import inspect
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MethodType
from typing import Any

from explorer import HOST_ADDRESS  # first: it settles what gradio reads when it is imported

# isort: split
import gradio as gr
from gradio.routes import App, ORJSONResponse
from starlette.middleware import Middleware

from bundle_format.folder import BundleError
from bundle_format.values import FILE
from explorer.bundle import PRECISIONS, Bundle, open_bundle, told_apart
from explorer.environment import SERVER_NAME, SERVER_PORT, give_memory_back, safe_streams
from explorer.inference.encoder import EncoderModel
from explorer.server import request_log
from explorer.server.attended_queue import AttendedQueue
from explorer.server.door import Door
from explorer.server.process import (
    ServerError,
    SharedState,
    answer_tools_in_json,
    check_address,
    check_tools,
    keep_words_out_of_the_log,
    leave_matplotlib_alone,
    make_room,
    port_number,
    reach_directly,
    serve_until_stopped,
    stop_orderly,
)
from explorer.ui.events import for_programs
from explorer.ui.models import PageModels
from explorer.ui.page import Page
from explorer.ui.programs.endpoints import endpoints
from explorer.ui.widgets import WEB, library, make_theme
from explorer.writing.prompt import PromptModel

DEFAULT_BUNDLE = Path(__file__).parent / "bundles" / "reviews"


def bundles_beside() -> list[Path]:
    """The bundles beside this file, which are served where none is named: a Space has its own."""
    beside = DEFAULT_BUNDLE.parent
    return sorted(path.parent for path in beside.glob(f"*/{FILE}")) or [beside]


def build_app(bundles: Sequence[Bundle]) -> gr.Blocks:
    """The page for one bundle or several. Opens and runs their graphs; launches nothing.

    Raises:
        BundleError: a graph does not open, or is not what its `bundle.json` says.
        ServerError: gradio's temporary folder cannot be made.
    """
    make_room()
    leave_matplotlib_alone()
    models = PageModels(
        [
            PromptModel(bundle) if bundle.continues else EncoderModel(bundle)
            for bundle in told_apart(bundles)
        ]
    )
    with _no_server_yet(), gr.Blocks(title="Attention Explorer", analytics_enabled=False) as app:
        Page(models).wire(app)
        for endpoint, line in endpoints(models.bundles):
            # The whole docstring: gradio by itself would leave out what the arguments mean.
            manual = inspect.getdoc(endpoint)
            gr.api(for_programs(MethodType(endpoint, models)), api_description=manual, **line)
    app.api_open = False  # nothing goes round the queue
    app._queue = AttendedQueue(app)
    return app


@contextmanager
def _no_server_yet() -> Iterator[None]:
    """Whenever a page is begun and whenever it is finished, gradio makes a server of 80 routes for
    it, half a second each, and drops both for the one that `launch` makes."""
    make = App.create_app
    App.create_app = staticmethod(lambda *_, **__: None)  # type: ignore
    try:
        yield
    finally:
        App.create_app = staticmethod(make)  # type: ignore


def launch(
    app: gr.Blocks, *, mcp: bool = False, prevent_thread_lock: bool = False, **options: Any
) -> tuple[Any, str, str]:
    """Serves the page with what it needs and without what it does not. Raises ServerError.

    Args:
        mcp: serves the endpoints as tools for agents, too: the Model Context Protocol.
        prevent_thread_lock: returns at once; else when the program is to end.
    """
    reach_directly(options.get("server_name"))
    door = Middleware(Door, page=app, serves_tools=mcp)
    server = App(middleware=[door], default_response_class=ORJSONResponse)
    server.state_holder = SharedState()
    try:
        served = app.launch(
            theme=make_theme(),
            head=library(),
            css_paths=[WEB / "page.css", WEB / "maps" / "maps.css"],
            footer_links=["api"],
            run_history=False,  # it would keep visitors' texts in their browsers
            enable_monitoring=False,
            _app=server,
            ssr_mode=False,
            pwa=False,
            mcp_server=mcp,
            show_error=False,
            prevent_thread_lock=True,
            quiet=True,  # else it advertises public links
            **options,
        )
    except Exception as error:  # bare ones among them
        raise ServerError(f"The page cannot be served: {error}") from error
    if mcp and not app.mcp_server:
        app.close(verbose=False)
        raise ServerError(f"The page's tools cannot be served: {app.mcp_error}")
    if mcp:
        answer_tools_in_json(app)
    if not prevent_thread_lock:
        sys.stdout.write(f"Running on local URL: {served[1]}\n")
        sys.stdout.flush()
        serve_until_stopped(app)
    return served


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
        "(default: all in the folder bundles beside app.py)",
    )
    parser.add_argument(
        "--precision",
        choices=PRECISIONS,
        help="which graph of a bundle runs (default: 8bit where there is one)",
    )
    parser.add_argument(
        "--host",
        default=HOST_ADDRESS.get(SERVER_NAME),
        help=f"address to listen on (default: {SERVER_NAME}, or 127.0.0.1)",
    )
    parser.add_argument(
        "--port",
        type=port_number,
        help=f"port to listen on (default: {SERVER_PORT}, or the first free one from 7860)",
    )
    parser.add_argument(
        "--log",
        action="store_true",
        help="writes a line of JSON to stderr for each request: what was asked, what came of it, "
        "how long it took; nothing of what was sent",
    )
    parser.add_argument(
        "--mcp",
        action="store_true",
        help="lets agents call the endpoints as tools (MCP), at /gradio_api/mcp; needs "
        "requirements-mcp.txt",
    )
    return parser


def _port_of_host(parser: argparse.ArgumentParser) -> int | None:
    """The port that the variable names. Ends the program if it names none."""
    text = HOST_ADDRESS.get(SERVER_PORT)
    try:
        return None if text is None else port_number(text)
    except argparse.ArgumentTypeError as error:
        parser.error(f"variable {SERVER_PORT}: {error}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Serves the page; 2 if it cannot be served, with a sentence that says why."""
    safe_streams()
    parser = build_parser()
    options = parser.parse_args(arguments)
    port = _port_of_host(parser) if options.port is None else options.port
    give_memory_back()
    try:
        if options.mcp:
            check_tools()
        host = check_address(options.host, port)
        keep_words_out_of_the_log()
        if options.log:
            request_log.begin()
        stop_orderly()
        folders = options.bundle or bundles_beside()
        app = build_app([open_bundle(folder, options.precision) for folder in folders])
        launch(app, mcp=options.mcp, server_name=host, server_port=port)
    except (BundleError, ServerError) as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:  # before it was served
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
