"""Exports a BERT classifier with Optimum, with its attention maps: what `benchmark.py` is given.

    python -m venv optimum
    optimum/bin/pip install torch==2.13.0 onnx==1.23.2 onnxscript==0.7.2
    optimum/bin/pip install -r export/requirements-optimum.txt
    optimum/bin/python export/clients/optimum_with_maps.py checkpoints/reviews/encoder made
    python export/benchmark.py --part encoder --optimum made/model.onnx

It runs in an environment of Optimum's own, since that wants an older transformers, and so it
imports nothing of ours. Optimum has no flag for maps: they are added to the outputs of its
`BertOnnxConfig`, as its documentation shows for Whisper.
"""

import sys
from collections.abc import Sequence
from typing import Any


def export_with_maps(checkpoint: str, folder: str) -> None:
    """Writes Optimum's `model.onnx` with `attentions.{i}` beside `logits`."""
    from optimum.exporters.onnx import main_export  # type: ignore[import-not-found]
    from optimum.exporters.onnx.model_configs import BertOnnxConfig  # type: ignore[import-not-found]
    from transformers import AutoConfig

    class WithMaps(BertOnnxConfig):
        """Optimum's BERT, with one map for each layer."""

        @property
        def outputs(self) -> dict[str, dict[int, str]]:
            """Name -> its dynamic axes."""
            axes = {0: "batch_size", 2: "sequence_length", 3: "sequence_length"}
            layers = range(config.num_hidden_layers)
            return {**super().outputs, **{f"attentions.{i}": axes for i in layers}}

    config: Any = AutoConfig.from_pretrained(checkpoint)
    main_export(
        checkpoint,
        output=folder,
        task="text-classification",
        custom_onnx_configs={"model": WithMaps(config, task="text-classification")},
        model_kwargs={"output_attentions": True},
        no_post_process=True,
    )


def main(argv: Sequence[str]) -> int:
    """Runs the command."""
    if len(argv) != 2:
        sys.stderr.write("optimum_with_maps.py: give a checkpoint's folder and the one to write\n")
        return 2
    export_with_maps(*argv)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
