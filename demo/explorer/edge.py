"""The edge between our code and gradio: a bad request becomes the message that gradio shows, and
work ends when gradio's reader has left."""

from collections.abc import Callable, Generator
from contextlib import closing
from html import escape
from typing import Any, TypeVar

import gradio as gr
from gradio.context import LocalContext

from explorer.request import RequestError

Step = TypeVar("Step")
Result = TypeVar("Result")


def answer_or_message(function: Callable, *values: Any, **named: Any) -> Any:
    """Calls `function` for a program; a sentence about what the sender did wrong goes to them,
    without a traceback in the log."""
    try:
        return function(*values, **named)
    except RequestError as error:
        raise gr.Error(str(error), print_exception=False) from error


def answer_or_toast(function: Callable, *values: Any, **named: Any) -> Any:
    """Calls `function` for the page, where a sentence about what went wrong pops up."""
    try:
        return function(*values, **named)
    except RequestError as error:
        raise toast(str(error)) from error


def toast(sentence: str) -> gr.Error:
    """A sentence that pops up on the page. Gradio takes it for HTML: what a bundle or a sender put
    into it must stay text, and fetch nothing."""
    return gr.Error(escape(sentence, quote=False), print_exception=False)


def while_awaited(steps: Generator[Step, None, Result]) -> Generator[Step, None, Result]:
    """The same steps, to be used where they all lead to one answer: ended between two of them once
    nobody waits for it. (Handlers that yield are ended by gradio itself.)

    Raises:
        RequestError: the reader has left, or taken the request back.
    """
    with closing(steps):
        while True:
            try:
                step = next(steps)
            except StopIteration as end:
                return end.value
            if not _is_awaited():
                raise RequestError("Nobody waits for this answer any more.")
            yield step


def _is_awaited() -> bool:
    """Whether the reader is there for whom gradio called us in this thread; true if it did not."""
    page, event_id = LocalContext.blocks.get(None), LocalContext.event_id.get(None)
    if page is None or event_id is None:
        return True
    event = page._queue.event_ids_to_events.get(event_id)
    return event is not None and event.alive
