"""Checkpoint in, bundle out: ONNX graphs with every attention map as an output, and their proof."""

import os
import sys
from types import TracebackType

# onnxruntime's Linux wheels send events, and keep a device id under HOME, unless this stands here
# before they are imported; the processes that a command starts inherit it.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"


def _tell_fault(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """What Python says of what nobody caught; of Ctrl-C while a command's imports run, which take
    seconds, a sentence."""
    if issubclass(kind, KeyboardInterrupt):
        sys.stderr.write("stopped; nothing was written\n")
    else:
        sys.__excepthook__(kind, error, trace)


sys.excepthook = _tell_fault
