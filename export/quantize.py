"""The 8-bit graph: block-wise weights, and one scale for each word of the embedding table.

Plain dynamic int8 (one scale for a whole column, activations of one scale) visibly distorts the
attention maps. `MatMulNBits` (a contrib operator of onnxruntime and onnxruntime-web) keeps a scale
for every 32 weights and quantises the activations in blocks as well.
"""

import onnx
from onnxruntime.quantization.matmul_nbits_quantizer import (
    DefaultWeightOnlyQuantConfig,
    MatMulNBitsQuantizer,
)

from export.quantize_table import quantize_table
from export.quiet import quiet

BLOCK_SIZE = 32
INT8_ARITHMETIC = 4
"""`MatMulNBits`' accuracy_level: 4 multiplies in int8, activations scaled block by block."""

_LAYERS = f"MatMulNBits, 8 bit, blocks of {BLOCK_SIZE}, accuracy level {INT8_ARITHMETIC}"
ENCODER_SCHEME = (
    f"{_LAYERS}; word embeddings int8 with one scale per word; pooler, classifier, norms and "
    "positions float32"
)
DECODER_SCHEME = (
    f"{_LAYERS}; word embeddings and head one int8 table with one scale per word, hidden states "
    "uint8 with one scale per position in front of it; norms and positions float32"
)


def quantize(model: onnx.ModelProto) -> onnx.ModelProto:
    """The 8-bit twin of a float32 graph, with the same inputs and outputs; the input is kept.

    The matrices of the attention and feed-forward layers and the word embeddings shrink. The
    products inside the attention have no weights: the softmax stays in float32.
    """
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    quantize_table(copy)
    quantizer = MatMulNBitsQuantizer(
        copy,
        algo_config=DefaultWeightOnlyQuantConfig(
            block_size=BLOCK_SIZE, is_symmetric=True, accuracy_level=INT8_ARITHMETIC, bits=8
        ),
    )
    with quiet():
        quantizer.process()
    return quantizer.model.model
