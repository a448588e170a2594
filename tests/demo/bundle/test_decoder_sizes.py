"""What `bundle.json` says of a decoder is held to its graph when it is opened, not once a reader
comes: the sizes of its keys and values, its layers with maps, and those of the whole model."""

import json
import shutil

import pytest

from bundle_format.folder import BundleError
from explorer.bundle import open_bundle
from explorer.inference.encoder import EncoderModel
from explorer.writing.generator import TextGenerator
from explorer.writing.prompt import PromptModel


@pytest.fixture
def opened(demo_tests, tmp_path):
    """Opens a copy of a bundle whose bundle.json says something else of its decoder, or beside."""

    def change(name, decoder, **beside):
        folder = tmp_path / name
        shutil.copytree(demo_tests / name, folder)
        file = folder / "bundle.json"
        content = json.loads(file.read_text("utf-8"))
        content["decoder"] |= decoder
        file.write_text(json.dumps({**content, **beside}), encoding="utf-8")
        bundle = open_bundle(folder, "float32")
        return TextGenerator((PromptModel if bundle.continues else EncoderModel)(bundle))

    return change


@pytest.mark.parametrize(
    ("name", "decoder", "said"),
    [
        ("prompt_bundle", {"key_value_heads": 2}, "are of 2 heads, 6 numbers each"),
        ("prompt_bundle", {"head_size": 7}, "are of 4 heads, 7 numbers each"),
        ("tiny_bundle", {"key_value_heads": 1}, "are of 1 heads, 4 numbers each"),
        ("tiny_bundle", {"hidden": 16}, "are of 2 heads, 8 numbers each"),
    ],
)
def test_keys_and_values_of_other_sizes_are_told(opened, name, decoder, said):
    kept = r"keeps keys and values of \d heads, \d numbers each; by bundle\.json they "

    with pytest.raises(BundleError, match=kept + said):
        opened(name, decoder)


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        (
            [0, 2],
            "gives the maps of 3 layers; bundle.json says 3 layers, with maps of layers 1 and 3",
        ),
        ([1], "bundle.json says 3 layers, with maps of layer 2. Export it again"),
    ],
)
def test_layers_are_counted_as_all_that_there_are(opened, chosen, said):
    with pytest.raises(BundleError) as refused:
        opened("prompt_bundle", {"map_layers": chosen})

    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("decoder", "beside", "said"),
    [
        ({}, {"max_tokens": 33}, "has 33 as max_tokens and 32 as decoder.max_tokens"),
        ({"hidden": 48}, {}, "has 24 as sizes.hidden and 48 as decoder.hidden"),
        ({"vocabulary": 26}, {}, "has 25 as sizes.vocabulary and 26 as decoder.vocabulary"),
    ],
)
def test_the_sizes_of_a_decoder_alone_are_those_of_the_model(opened, decoder, beside, said):
    with pytest.raises(BundleError, match=said):
        opened("prompt_bundle", decoder, **beside)


@pytest.mark.parametrize("name", ["prompt_bundle", "uncached_bundle"])
def test_more_tokens_than_positions_are_refused_before_any_text(opened, name):
    with pytest.raises(BundleError, match=r"does not run on token 33 with the id 24, as bundle"):
        opened(name, {"max_tokens": 33}, max_tokens=33)
