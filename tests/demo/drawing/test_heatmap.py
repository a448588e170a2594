"""The picture of a map, with whatever a reader may have written along its sides."""

import io
import xml.etree.ElementTree as ElementTree
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from explorer import drawing, fonts
from explorer.drawing import (
    DOTS_PER_INCH,
    INK,
    MAX_NAMED,
    axis_labels,
    label_step,
    map_geometry,
)
from explorer.fonts import can_draw
from explorer.inference.tokens import Token
from explorer.maps.maps import Axis
from explorer.maps.packed import ink_of, scale_top
from explorer.maps.view import MapView

HOSTILE = [
    "$$", "$x^$", r"$\frac$", "$a_$", "\\", "%", "{", "<script>", "&amp;", "]]>", "--", "\u202e",
    "好", "😍", "👩‍🚀", "مرحبا", "a\nb", "\x07", " ", "x" * 300,
]  # fmt: skip


def view_of(texts, weights=None, segments=None):
    count = len(texts)
    if weights is None:
        weights = np.full((count, count), 1 / max(count, 1), np.float32)
    tokens = tuple(
        Token(piece=text, text=text, special=False, continues=False, segment=segment)
        for text, segment in zip(texts, segments or [0] * count, strict=True)
    )
    axis = Axis(whole=tokens, indexes=np.arange(count))
    return MapView(
        layer=0, head=0, queries=axis, keys=axis, weights=weights,
        removed=np.zeros(count, np.float32), sides=("rows", "columns"),
    )  # fmt: skip


def pixels(png):
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


# A warning of matplotlib's about a missing glyph or a formula would fail this test.
@pytest.mark.filterwarnings("error::UserWarning")
@pytest.mark.parametrize("format", ["png", "svg"])
@pytest.mark.parametrize("text", HOSTILE)
def test_any_token_can_be_drawn(text, format):
    assert drawing.draw(view_of([text, "film"]), format)


def test_dollar_signs_are_no_formula():
    assert drawing.draw(view_of(["$x$"])) != drawing.draw(view_of(["x"]))


def test_what_the_font_lacks_is_named_by_its_place():
    view = view_of([*"abcd", "film", "好", "🦜", "café", "Ωμ"])

    assert axis_labels(replace(view.queries, indexes=np.arange(4, 9))) == [
        "film",
        "#6",
        "#7",
        "café",
        "Ωμ",
    ]


def test_what_is_taken_for_granted_of_the_fonts_is_true():
    """Characters of ASCII are not looked up."""
    ascii = set(map(chr, range(128)))

    taken = {one for one in ascii if can_draw(one)}

    assert taken == {one for one in ascii if one.isprintable()}
    assert all(any(font.get_char_index(ord(one)) for font in fonts._fonts()) for one in taken)


def test_a_long_word_is_shortened():
    assert axis_labels(view_of(["x" * 300]).queries) == ["x" * 13 + "…"]


def ink_of_cells(image, box, rows, columns):
    """The colour in the middle of each cell, where the geometry says that it is; the darker, the
    less."""
    found = {}
    for row, column in np.ndindex(rows, columns):
        x = (box.left + box.map_width * (column + 0.5) / columns) * DOTS_PER_INCH
        y = (box.top + box.map_height * (row + 0.5) / rows) * DOTS_PER_INCH
        found[row, column] = image[int(y), int(x)].sum()
    return found


def test_the_strongest_cell_has_the_most_ink_where_the_geometry_says():
    weights = np.full((6, 6), 0.1, np.float32)
    weights[4, 1] = 0.5
    view = view_of(list("abcdef"), weights)
    box = map_geometry(list("abcdef"), list("abcdef"))

    image = pixels(drawing.draw(view))

    assert image.shape[:2] == pytest.approx(
        (box.height * DOTS_PER_INCH, box.width * DOTS_PER_INCH), abs=1.5
    )
    ink = ink_of_cells(image, box, 6, 6)
    assert min(ink, key=ink.get) == (4, 1)


@pytest.mark.parametrize("log_scale", [False, True])
def test_more_attention_is_further_from_the_paper_at_every_step(log_scale):
    shares = np.linspace(1e-4 if log_scale else 0, 1, 101)
    ink = ink_of(shares, log_scale=log_scale)
    colours = INK(ink)[:, :3] @ [0.2126, 0.7152, 0.0722]

    assert (np.diff(ink) > 0).all()
    assert (np.diff(INK(np.linspace(0, 1, 101))[:, :3].sum(axis=1)) < 0).all()
    assert (np.diff(colours) <= 0).all()
    assert (ink[0], ink[-1]) == pytest.approx((0, 1))


def test_a_log_scale_draws_another_picture():
    weights = np.array([[0.9, 0.001], [0.5, 0.5]], np.float32)
    view = view_of(["a", "b"], weights)

    assert drawing.draw(view) != drawing.draw(view, log_scale=True)
    assert drawing.draw(view_of([]), log_scale=True)


def test_equal_maps_are_equal_files():
    assert drawing.draw(view_of(["a", "b"])) == drawing.draw(view_of(["a", "b"]))


def test_the_svg_is_whole_and_runs_nothing():
    svg = drawing.draw(view_of(["<script>alert(1)</script>", "]]>", "--><b>"]), "svg")

    tags = {node.tag.rsplit("}")[-1] for node in ElementTree.fromstring(svg).iter()}

    assert "svg" in tags
    assert not tags & {"script", "b", "foreignObject", "a"}


@pytest.mark.parametrize(
    ("count", "step"), [(1, 1), (48, 1), (49, 2), (96, 2), (300, 7), (512, 11)]
)
def test_of_many_tokens_only_every_so_many_are_named(count, step):
    assert label_step(count) == step
    assert -(-count // step) <= MAX_NAMED


def test_five_hundred_tokens_fit_into_one_picture_of_bounded_size():
    generator = np.random.default_rng(0)
    weights = generator.dirichlet(np.full(512, 0.1), 512).astype(np.float32)

    image = pixels(drawing.draw(view_of(["unbelievable"] * 512, weights)))

    assert max(image.shape) < 1600


def test_a_long_texts_scale_does_not_end_at_its_special_tokens():
    weights = np.full((100, 100), 0.1 / 98, np.float32)
    weights[:, [0, 99]] = 0.45

    assert scale_top(weights) < 0.01
    assert scale_top(weights[:20, :20]) == pytest.approx(0.45)


@pytest.mark.parametrize("count", [0, 1])
def test_maps_of_nothing_and_of_zeros_can_be_drawn(count):
    assert drawing.draw(view_of(["a"] * count, np.zeros((count, count), np.float32)))


def test_a_line_divides_two_texts():
    one, two = view_of(list("abcd")), view_of(list("abcd"), segments=[0, 0, 1, 1])
    box = map_geometry(list("abcd"), list("abcd"))
    middle = [int((edge + box.map_width / 2) * DOTS_PER_INCH) for edge in (box.top, box.left)]

    changed = np.abs(pixels(drawing.draw(one)) - pixels(drawing.draw(two))).sum(axis=-1) > 0

    assert changed[middle[0] - 4 : middle[0] + 4].any(axis=0).mean() > 0.5
    assert changed[:, middle[1] - 4 : middle[1] + 4].any(axis=1).mean() > 0.5


def test_segments_of_a_reading_reach_the_picture(model):
    from explorer.maps.view import attention_map

    view = attention_map(model.read("good film", "bad"), 0, 0)
    axis = replace(
        view.queries, whole=tuple(replace(token, segment=0) for token in view.queries.tokens)
    )
    same = replace(view, queries=axis, keys=axis)

    assert drawing.draw(view) != drawing.draw(same)


def test_a_map_of_two_texts_has_their_names_and_shape():
    tall, wide = view_of(list("abcdefgh")), view_of(["source", "of", "three"])
    weights = np.full((8, 3), 0.1, np.float32)
    weights[6, 2] = 0.8
    view = replace(tall, keys=wide.keys, weights=weights, kind="Cross-attention")
    box = map_geometry(axis_labels(view.queries), axis_labels(view.keys))

    image = pixels(drawing.draw(view))

    assert box.map_height > box.map_width
    assert (view.name, view.file_name) == (
        "Cross-attention, layer 1, head 1", "cross-attention-layer1-head1",
    )  # fmt: skip
    ink = ink_of_cells(image, box, 8, 3)
    assert min(ink, key=ink.get) == (6, 2)


def test_a_long_written_texts_ink_is_full_at_its_strongest_cell():
    weights = np.full((60, 60), 0.001, np.float32)
    np.fill_diagonal(weights, 0.9)

    assert scale_top(weights, of_one_text=False) == pytest.approx(0.9)


@pytest.mark.parametrize(("rows", "columns"), [(60, 12), (12, 60), (1, 14), (40, 60)])
def test_the_shorter_side_of_a_map_has_room_for_its_names(rows, columns):
    box = map_geometry(["word"] * rows, ["word"] * columns)

    for extent, count in ((box.map_height, rows), (box.map_width, columns)):
        assert 1.2 <= extent <= 6.4
        assert extent >= min(0.18 * count, 6.4) - 1e-9
