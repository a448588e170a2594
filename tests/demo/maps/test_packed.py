"""All heads in small: a tile per layer and head, the mean last."""

import base64
import zlib

import numpy as np
import pytest

from explorer.maps.maps import Maps, text_axis
from explorer.maps.packed import TILE, packed_tiles
from explorer.maps.view import attention_map, encoder_maps


def drawn(maps):
    """Ink between 0 and 1, by layer and head."""
    codes = zlib.decompress(base64.b64decode(packed_tiles(maps)["tiles"]))
    return np.frombuffer(codes, np.uint8).reshape(2, -1, TILE, TILE) / 255


@pytest.mark.parametrize("special_tokens", [True, False])
def test_each_tile_is_its_heads_map_in_small(model, special_tokens):
    reading = model.read("the film was dull", "was it good?")

    shown = drawn(encoder_maps(reading, special_tokens=special_tokens))

    assert shown.shape[:2] == (2, 3)
    for layer in range(2):
        for column, head in enumerate([0, 1, "mean"]):
            view = attention_map(reading, layer, head, special_tokens=special_tokens)
            count = len(view.queries.tokens)
            for query, key in np.ndindex(count, count):
                y, x = (int((place + 0.5) * TILE / count) for place in (query, key))
                expected = np.sqrt(view.weights[query, key] / view.weights.max())
                assert shown[layer, column, y, x] == pytest.approx(expected, abs=1 / 255)


def test_of_a_long_text_each_pixel_shows_its_strongest_cell(model):
    weights = np.full((2, 2, 200, 200), 1e-4, np.float32)
    weights[1, 0, 77, 130] = 1
    axis = text_axis(model.read("film").tokens[1:2] * 200)

    tile = drawn(Maps(weights=weights, layers=(0, 1), queries=axis, keys=axis))[1, 0]

    assert tile[77 * TILE // 200, 130 * TILE // 200] == 1
