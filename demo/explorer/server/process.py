"""Where the page is served and how that ends; what its log says, and what its process keeps.

The log says where a failure was and of which kind, never what a reader had sent: an exception's
message may hold a reader's words, or megabytes of them; gradio and uvicorn log it.

What gradio keeps of a session is kept once for all of them. By itself it copies every component's
settings for every session, and stores the last value of each, megabytes of a long text's maps: for
components whose value stays on the server, and links to what a reader saw. This page has neither.
"""

import errno
import importlib.util
import json
import logging
import os
import signal
import socket
import sys
import time
import traceback
from argparse import ArgumentTypeError
from contextlib import nullcontext
from typing import Any, NoReturn, cast

import gradio as gr
import gradio.utils
from gradio.state_holder import SessionState, StateHolder

from explorer.environment import make_own_folder
from explorer.server.attended_queue import AttendedQueue

LOOPBACK = "127.0.0.1"


class ServerError(Exception):
    """The page cannot be served, as a sentence for the person who started it."""


def port_number(text: str) -> int:
    """A port as someone wrote it. Raises ArgumentTypeError."""
    if not (text.isascii() and text.isdecimal() and len(text) <= 5 and 1 <= int(text) <= 65535):
        raise ArgumentTypeError(f"{text!r:.60} is no port; expected a whole number, 1 to 65535")
    return int(text)


def check_address(host: str | None, port: int | None) -> str:
    """The host as gradio takes it, after a look at whether a server may listen there.

    Before anything else is done: gradio itself would try a hundred ports of a host that is none.
    Raises ServerError.
    """
    name = (host or LOOPBACK).removeprefix("[").removesuffix("]")
    try:
        found = socket.getaddrinfo(name, port or 0, type=socket.SOCK_STREAM)
    except (OSError, ValueError) as error:  # ValueError: no name can be written like this
        raise ServerError(
            f"There is no host {name!r:.80} ({error}). Give --host an address of this machine: "
            f"{LOOPBACK} for it alone, 0.0.0.0 for whoever can reach it."
        ) from error
    for family, _, _, _, address in found:
        try:
            with socket.socket(family, socket.SOCK_STREAM) as tried:
                if os.name == "posix":
                    tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                tried.bind(address)
        except OSError as error:
            _refuse(name, port, error)
    return f"[{name}]" if ":" in name else name


def _refuse(host: str, port: int | None, error: OSError) -> NoReturn:
    reasons = {
        errno.EADDRINUSE: f"Port {port} of {host} is taken: another program, or another page, "
        "listens there. Give another --port, or none: the first free one from 7860 is then taken.",
        errno.EACCES: f"This user may not listen on port {port}. Give --port a number from 1024.",
        errno.EADDRNOTAVAIL: f"{host} is no address of this machine. Give --host one that is: "
        f"{LOOPBACK} for it alone, 0.0.0.0 for whoever can reach it.",
    }
    other = f"Nothing can listen on {host} ({error.strerror}). Give another --host or --port."
    raise ServerError(reasons.get(error.errno or 0, other)) from error


def check_tools() -> None:
    """Raises ServerError: what serves the endpoints as tools for agents is not installed."""
    if importlib.util.find_spec("mcp") is None:
        raise ServerError(
            "--mcp needs a package that is not installed: pip install -r requirements-mcp.txt"
        )


def answer_tools_in_json(page: gr.Blocks) -> None:
    """Gradio by itself would answer agents with what Python prints of an answer."""
    from mcp.types import TextContent

    def content(data: list[Any], _: str) -> list[TextContent]:
        return [TextContent(type="text", text=json.dumps(one)) for one in data]

    page.mcp_server_obj.postprocess_output_data = content  # type: ignore


def make_room() -> None:
    """Makes the temporary folder that gradio wants, once. Raises ServerError: it cannot be made."""
    try:
        make_own_folder()
    except OSError as error:
        raise ServerError(
            f"No temporary folder can be made ({error}). Set TMPDIR to a folder that can be "
            "written to."
        ) from error


def stop_orderly() -> None:
    """A container stops by SIGTERM: the page then ends as by Ctrl-C, and tidies up."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def serve_until_stopped(page: gr.Blocks) -> None:
    """Returns after Ctrl-C, or SIGTERM, without waiting for connections to end: a page that stands
    open in a browser keeps its own for ever."""
    try:
        while page.is_running:
            time.sleep(0.1)
    except KeyboardInterrupt:
        logging.disable()  # that connections are cut is meant
        cast(AttendedQueue, page._queue).end_all()
        page.server.force_exit = True
        page.close(verbose=False)


def leave_matplotlib_alone() -> None:
    """Gradio would import matplotlib with pyplot at the first event, and change its backend around
    each: no handler here draws with anything global."""
    gradio.utils.MatplotlibBackendMananger = nullcontext  # type: ignore


def reach_directly(host: str | None) -> None:
    """Gradio asks its own server whether it is up: never by way of a proxy."""
    ours = ["localhost", LOOPBACK, *([host] if host else [])]
    for name in ("no_proxy", "NO_PROXY"):
        known = [one for one in os.environ.get(name, "").split(",") if one]
        os.environ[name] = ",".join([*known, *(one for one in ours if one not in known)])


def keep_words_out_of_the_log() -> None:
    """Has failures of this process logged without their messages."""
    traceback.print_exc = _print_failure
    for name in ("uvicorn.error", "asyncio"):
        logging.getLogger(name).addFilter(_without_words)


def told(error: BaseException) -> str:
    """A failure's places and kind, and before them those of what caused it."""
    cause = error.__cause__ or error.__context__
    before = f"{told(cause)}\nthen\n" if cause else ""
    places = "".join(traceback.format_tb(error.__traceback__))
    return f"{before}{places}{type(error).__qualname__}"


def _print_failure(*_: object, **__: object) -> None:
    """In place of `traceback.print_exc`, by which gradio logs."""
    error = sys.exception()
    if error is not None:
        sys.stderr.write(f"{told(error)}\n")


def _without_words(record: logging.LogRecord) -> bool:
    if record.funcName == "_unsupported_upgrade_warning":
        return False  # advice on what to install, for every visitor who asks for a websocket
    if record.exc_info and (error := record.exc_info[1]):
        record.msg, record.args = f"A request failed.\n{told(error)}", ()
        record.exc_info = record.exc_text = None
    return True


class SharedState(StateHolder):
    """In place of the sessions of a page without stateful components."""

    def __init__(self) -> None:
        super().__init__()
        self._only: SessionState | None = None

    def __getitem__(self, session_id: str) -> SessionState:
        if self._only is None:
            self._only = SessionState(self.blocks)
        return self._only

    def __contains__(self, session_id: str) -> bool:
        return True
