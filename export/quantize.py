"""The 8-bit graph: block-wise weights, and one scale for each row of the embedding table.

Plain dynamic int8 (one scale for a whole column, activations of one scale) visibly distorts the
attention maps. `MatMulNBits` (a contrib operator of onnxruntime and onnxruntime-web) keeps a scale
for every 32 weights and quantises the activations in blocks as well.
"""

import numpy as np
import onnx
from onnx import helper, numpy_helper
from onnxruntime.quantization.matmul_nbits_quantizer import (
    DefaultWeightOnlyQuantConfig,
    MatMulNBitsQuantizer,
)

from export.quiet import quiet

BLOCK_SIZE = 32
INT8_ARITHMETIC = 4
"""`MatMulNBits`' accuracy_level: 4 multiplies in int8, activations scaled block by block."""

SCHEME = (
    f"MatMulNBits, 8 bit, blocks of {BLOCK_SIZE}, accuracy level {INT8_ARITHMETIC}; "
    "word embeddings int8 with one scale per row; pooler, classifier, norms and positions float32"
)


def quantize(model: onnx.ModelProto) -> onnx.ModelProto:
    """The 8-bit twin of a float32 graph, with the same inputs and outputs; the input is kept.

    The matrices of the attention and feed-forward layers and the word embeddings shrink. The
    products inside the attention have no weights: the softmax stays in float32.
    """
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    _quantize_word_embeddings(copy)
    quantizer = MatMulNBitsQuantizer(
        copy,
        algo_config=DefaultWeightOnlyQuantConfig(
            block_size=BLOCK_SIZE, is_symmetric=True, accuracy_level=INT8_ARITHMETIC, bits=8
        ),
    )
    with quiet():
        quantizer.process()
    return quantizer.model.model


def _quantize_word_embeddings(model: onnx.ModelProto) -> None:
    """Replaces Gather(table, input_ids) by int8 rows times their scales.

    One scale for each row: rows differ in length by far, and one scale for the table would spend
    the eight bits on its longest rows.
    """
    graph = model.graph
    lookup = next(n for n in graph.node if n.op_type == "Gather" and n.input[1] == "input_ids")
    stored = next(tensor for tensor in graph.initializer if tensor.name == lookup.input[0])
    table = numpy_helper.to_array(stored)
    scales = np.abs(table).max(axis=1, keepdims=True) / 127
    scales = np.where(scales == 0, 1, scales).astype(np.float32)  # a row of zeros stays zeros
    rows = np.rint(table / scales).astype(np.int8)

    name, result = stored.name, lookup.output[0]
    graph.initializer.remove(stored)
    graph.initializer.append(numpy_helper.from_array(rows, f"{name}.int8"))
    graph.initializer.append(numpy_helper.from_array(scales, f"{name}.scales"))
    replacement = [
        helper.make_node("Gather", [f"{name}.int8", "input_ids"], [f"{result}.int8"]),
        helper.make_node(
            "Cast", [f"{result}.int8"], [f"{result}.float"], to=onnx.TensorProto.FLOAT
        ),
        helper.make_node("Gather", [f"{name}.scales", "input_ids"], [f"{result}.scales"]),
        helper.make_node("Mul", [f"{result}.float", f"{result}.scales"], [result]),
    ]
    position = list(graph.node).index(lookup)
    graph.node.remove(lookup)
    for offset, node in enumerate(replacement):
        graph.node.insert(position + offset, node)
