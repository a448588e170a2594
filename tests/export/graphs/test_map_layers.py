"""Which layers' maps come out of a graph."""

from copy import deepcopy
from pathlib import Path

import numpy as np
import onnx
import pytest

from bundle_format.folder import read_manifest
from export.graphs.map_layers import keep_maps, parse_layers
from export.runtime.session import open_session, run
from export.to_onnx import main
from export.verification.inputs import random_feed


@pytest.mark.parametrize(
    ("given", "layers"),
    [
        ("0,5,11", (0, 5, 11)),
        ("0-3", (0, 1, 2, 3)),
        (" 11, 0-1,1 ", (0, 1, 11)),
        ("7", (7,)),
        ("0-11", None),
    ],
)
def test_layers_are_named_one_by_one_or_from_to(given: str, layers: tuple[int, ...]) -> None:
    assert parse_layers(given, 12) == layers


@pytest.mark.parametrize("given", ["", "12", "0,12", "3-1", "0-12", "-1", "a", "0,,1", "1.0", "²"])
def test_other_layers_are_told_what_is_expected(given: str) -> None:
    with pytest.raises(ValueError, match="numbers from 0 to 11, for the model has 12 layers, such"):
        parse_layers(given, 12)


def test_what_is_left_is_as_it_was_and_every_head_can_be_removed(graph, model) -> None:
    smaller = deepcopy(graph)
    keep_maps(smaller, [1])

    onnx.checker.check_model(smaller, full_check=True)
    kept = [one.name for one in smaller.graph.output]
    assert kept == ["logits", "last_hidden_state", "encoder_attentions.1", "encoder_value_norms.1"]
    assert len(smaller.graph.node) < len(graph.graph.node)
    feed = random_feed(model.config.encoder, 2, 9, "right")
    size = model.config.encoder
    mask = np.ones((1, size.num_hidden_layers, size.num_attention_heads), np.float32)
    mask[0, 0, 1] = 0
    for more in ({}, {"head_mask": mask}):
        whole, found = (run(open_session(one), {**feed, **more}) for one in (graph, smaller))
        for name in kept:
            np.testing.assert_allclose(found[name], whole[name], atol=1e-6)


def test_a_bundle_says_which_layers_it_shows(
    fast, checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = checkpoint.parent / "bundle"
    asked = [str(checkpoint), "--out", str(out), "--no-examples", "--layers"]

    assert main([*asked, "5"]) == 2
    assert "--layers is '5'; expected numbers from 0 to" in capsys.readouterr().err
    assert main([*asked, "0"]) == 0

    assert read_manifest(out).map_layers == (0,)
