"""Keeps the remarks of the exporter's libraries about themselves off a command's page."""

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Drops log lines, warnings and prints inside the block; exceptions pass.

    onnxruntime's quantiser even sets the root logger to INFO when it is imported, so a level on
    one logger would not do.
    """
    logging.disable(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logging.NOTSET)
