"""The edge between our code and gradio: a bad request becomes the message that gradio shows."""

from collections.abc import Callable
from typing import Any

import gradio as gr

from explorer.request import RequestError


def answer_or_message(function: Callable, *values: Any, **named: Any) -> Any:
    """Calls `function`; a sentence about what the sender did wrong goes to them, without a
    traceback in the log."""
    try:
        return function(*values, **named)
    except RequestError as error:
        raise gr.Error(str(error), print_exception=False) from error
