"""Checkpoint in, bundle out: ONNX graphs with every attention map as an output, and their proof."""

import os

# onnxruntime's Linux wheels send events, and keep a device id under HOME, unless this stands here
# before they are imported; the processes that a command starts inherit it.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
