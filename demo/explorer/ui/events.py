"""Joins components to what they do, by names, and is the one place where a request that cannot be
answered becomes what its sender sees.

A handler takes the values of its components by name, as they came: gradio checks nothing of them.
It gives a dictionary of the components that change, or several of these, one after another. What
it does not name stays as it is.

Each kind of work has its own line, in which one thing at a time is done, since each holds a text's
maps while it works: a reading, an analysis and a text that is being written are what the memory has
to hold at once. Between lines, whoever runs a graph takes turns: see `inference/session.py`.
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from functools import partial, wraps
from html import escape
from inspect import isgeneratorfunction
from traceback import clear_frames
from typing import Any, TypeVar

import gradio as gr
from gradio.blocks import Block
from gradio.components import Component
from gradio.context import LocalContext
from gradio.events import Dependency

from explorer.errors import RequestError

READING: dict[str, Any] = {"concurrency_id": "reading", "concurrency_limit": 1}
"""What takes a run of a graph or two, and drawing: nobody should wait for it."""

ANALYSIS: dict[str, Any] = {"concurrency_id": "analysis", "concurrency_limit": 1}
"""What runs a graph many times on changed texts, for seconds."""

WRITING: dict[str, Any] = {"concurrency_id": "writing", "concurrency_limit": 1}
"""What has a decoder write, token by token."""

_PRIVATE: dict[str, Any] = {
    # The handlers check what comes in and give what the page takes. Gradio's own checks would write
    # what they refuse into the log, and its images into files.
    "preprocess": False,
    "postprocess": False,
    "api_visibility": "private",
    "show_progress": "hidden",
    "trigger_mode": "always_last",  # of quick clicks the last one counts
}

Trigger = Callable[..., Dependency]
"""An event of a component, such as `button.click`, or `then` of another event."""
Update = dict[Block, Any]
"""New values of components; those that are not named stay as they are."""
Step = TypeVar("Step")
Result = TypeVar("Result")


def on(
    trigger: Trigger | Sequence[Trigger],
    handler: Callable[..., Any],
    inputs: Mapping[str, Component],
    outputs: Iterable[Block],
    *,
    line: Mapping[str, Any] = READING,
    waits_on: Component | None = None,
    **options: Any,
) -> Dependency:
    """Has one of the page's own handlers run at an event, or at any of several.

    Args:
        handler: takes the values of `inputs` by their names, and first, if it asks for it, what a
            widget sent. A RequestError of it pops up on the page.
        outputs: all components that it may change.
        waits_on: a part of the page on which a reader sees that they wait for their turn, and how
            long. A short wait is not shown: see page.css.
        options: gradio's, for this event alone.
    """
    if waits_on is not None:
        options |= {"show_progress": "minimal", "show_progress_on": waits_on}
    return _event(trigger)(
        _with_message(handler, _toast),
        inputs_kwargs=dict(inputs),
        outputs=list(outputs),
        **{**_PRIVATE, **line, **options},
    )


def in_browser(
    trigger: Trigger | Sequence[Trigger],
    script: str | None = None,
    inputs: Sequence[Component] = (),
    outputs: Sequence[Block] = (),
    cancels: Sequence[Dependency] = (),
    **options: Any,
) -> Dependency:
    """Has the browser do something by itself, at once, while the server is busy too.

    Args:
        script: a function in JavaScript; takes `inputs`, gives `outputs`.
        cancels: the events whose handlers end.
        options: gradio's, for this event alone.
    """
    return _event(trigger)(
        None,
        list(inputs),
        list(outputs),
        js=script,
        cancels=list(cancels) or None,
        queue=False,
        api_visibility="private",
        **options,
    )


def for_programs(endpoint: Callable[..., Any]) -> Callable[..., Any]:
    """The endpoint, whose RequestErrors programs get as sentences, with no traceback in the log."""
    return _with_message(endpoint, lambda sentence: gr.Error(sentence, print_exception=False))


def sent_with(event: gr.EventData) -> dict[str, Any]:
    """What a widget's script sent with its event; empty if that is no object."""
    return event._data if isinstance(event._data, dict) else {}


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


def _event(trigger: Trigger | Sequence[Trigger]) -> Callable[..., Dependency]:
    return trigger if callable(trigger) else partial(gr.on, list(trigger))


def _with_message(
    function: Callable[..., Any], message: Callable[[str], gr.Error]
) -> Callable[..., Any]:
    """The function, with what is wrong with a request said by a message of gradio's."""

    @wraps(function)
    def answer(*values: Any, **named: Any) -> Any:
        with _saying(message):
            return function(*values, **named)

    @wraps(function)
    def answers(*values: Any, **named: Any) -> Generator[Any, None, None]:
        with _saying(message):
            yield from function(*values, **named)

    return answers if isgeneratorfunction(function) else answer


@contextmanager
def _saying(message: Callable[[str], gr.Error]) -> Iterator[None]:
    """To be entered around a handler. Errors leave it without what their frames held.

    In the server a future holds the error, and the error's frames the future: both stay until
    Python looks for such circles, minutes later. The maps of a text that a handler had before it,
    75 MB of a long one, must not stay with them.
    """
    try:
        yield
    except Exception as error:
        cause: BaseException | None = error
        while cause is not None:
            clear_frames(cause.__traceback__)
            cause = cause.__cause__ or cause.__context__
        if isinstance(error, RequestError):
            raise message(str(error)) from error
        raise


def _toast(sentence: str) -> gr.Error:
    """Gradio takes it for HTML: what a bundle or a sender put into it must stay text, and fetch
    nothing."""
    return gr.Error(escape(sentence, quote=False), print_exception=False)


def _is_awaited() -> bool:
    """Whether the reader is there for whom gradio called us in this thread; true if it did not."""
    page, event_id = LocalContext.blocks.get(None), LocalContext.event_id.get(None)
    if page is None or event_id is None:
        return True
    event = page._queue.event_ids_to_events.get(event_id)
    return event is not None and event.alive
