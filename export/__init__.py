"""Checkpoint in, bundle out: ONNX graphs with every attention map as an output, and their proof."""
