"""Where a bundle's graphs lie: named as transformers.js and Optimum look for them."""

ENCODER_FILES = {"float32": "onnx/model.onnx", "8bit": "onnx/model_quantized.onnx"}
"""Precision -> file; `_quantized` is what transformers.js asks for as q8."""
DECODER_FILES = {
    "float32": "onnx/decoder_model_merged.onnx",
    "8bit": "onnx/decoder_model_merged_quantized.onnx",
}
TASK_FILES = {"classify": ENCODER_FILES, "encode": ENCODER_FILES, "generate": DECODER_FILES}
"""What a graph is for -> its files; `encode` is an encoder without a classifier."""
