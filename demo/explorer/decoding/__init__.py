"""Writes with a decoder's graph: numpy and onnxruntime alone. The one home of the strategies."""
