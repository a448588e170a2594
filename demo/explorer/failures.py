"""What the log says of a failure: where it was and of which kind, never what a reader had sent.

An exception's message may hold a reader's words, or megabytes of them; gradio and uvicorn log it.
"""

import logging
import sys
import traceback

_LOGGERS = ("uvicorn.error", "asyncio")


def keep_words_out_of_the_log() -> None:
    """Has failures of this process logged without their messages."""
    traceback.print_exc = _print_failure
    for name in _LOGGERS:
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
