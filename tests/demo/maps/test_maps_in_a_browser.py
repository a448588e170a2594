"""What a browser makes of maps, under node: the numbers of explorer/maps, and the same rules."""

import base64
import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from explorer.inference.tokens import Token
from explorer.maps.head_types import head_types
from explorer.maps.maps import Maps, text_axis
from explorer.maps.packed import (
    packed_joined,
    packed_weights,
    scale_top,
    tiles,
)
from explorer.maps.view import (
    attention_map,
    encoder_maps,
    generation_maps,
    last_row,
    map_view,
    rollout_row,
    rollout_view,
)
from explorer.ui.payloads import chip
from explorer.ui.widgets import maps_script
from explorer.writing.generator import TextGenerator
from explorer.writing.settings import Settings

SCRIPT = Path(__file__).parent / "maps_in_node.mjs"
CHOICES = [
    (0, 1),
    (1, "mean"),
    (1, "max"),
    ("mean", 0),
    ("max", 0),
    ("mean", "max"),
    ("max", "max"),
]


class Given(NamedTuple):
    """Maps in both languages."""

    make: Any
    """Gives `Maps`, of switches."""
    data: dict[str, Any]


@pytest.fixture(scope="session")
def in_a_browser(skip_for_want):
    """Asks node what a page would show."""
    if not shutil.which("node"):
        skip_for_want("needs node")

    def ask(data, questions):
        asked = json.dumps({"maps": data, "questions": questions})
        done = subprocess.run(
            ["node", SCRIPT], input=asked, capture_output=True, text=True, check=True
        )
        return json.loads(done.stdout)

    return ask


def tokens_of(generator, count, segments=1):
    """Random tokens: words of one piece or more, punctuation, special ones at both ends."""
    texts = ["film", "Film", "FILM", "unbad", ",", "好", "Straße", "STRASSE", "ΟΔΟΣ", "οδος", "…"]
    found = [piece("[CLS]", 0)]
    for place in range(count - 1 - segments):
        segment = int(segments > 1 and place > count // 2)
        if segments > 1 and segment and not found[-1].segment:
            found.append(piece("[SEP]", 0))
        text = str(generator.choice(texts))
        goes_on = not found[-1].special and generator.random() < 0.4
        found.append(piece(text, segment, continues=goes_on))
    return (*found, piece("[SEP]", segments - 1))


def piece(text, segment, *, continues=False):
    special = text.startswith("[")
    return Token(
        piece=f"##{text}" if continues else text, text="" if special else text, special=special,
        continues=continues, segment=segment,
    )  # fmt: skip


def random_weights(generator, shape, *, looks_back=False):
    weights = generator.dirichlet(np.full(shape[-1], 0.3), shape[:-1]).astype(np.float32)
    if looks_back:
        weights = np.tril(weights + 1e-6)
        weights /= weights.sum(axis=-1, keepdims=True)
    return weights


def given_maps(kind, seed=0, count=23, sharp=()):
    """Args: sharp: heads of the first layer that look so many places back, and nowhere else."""
    generator = np.random.default_rng(seed)
    queries = tokens_of(generator, count, 2 if kind == "pair" else 1)
    keys = queries if kind in ("encoder", "pair") else tokens_of(generator, count - 6)
    looks_back = kind == "written"
    if looks_back:
        keys = (piece("[CLS]", 0), *queries[:-1])
    shape = (3, 2, len(queries), len(keys))
    weights = random_weights(generator, shape, looks_back=looks_back)
    for head, steps in enumerate(sharp):
        rows = np.arange(len(queries))
        weights[0, head] = 0
        weights[0, head, rows, np.clip(rows - steps, 0, len(keys) - 1)] = 1
    norms = generator.uniform(0.1, 3, (*shape[:2], len(keys))).astype(np.float32)
    kept = np.array([[True, True], [False, True], [False, False]])

    def make(*, words, special_tokens, by_norms):
        switches = {"words": words, "special_tokens": special_tokens}
        own = text_axis(queries, **switches)
        other = own if keys is queries else text_axis(keys, **switches)
        return Maps(
            weights=weights, layers=(0, 1, 2), norms=norms if by_norms else None,
            queries=own, keys=other, kept=kept, looks_back=looks_back,
        )  # fmt: skip

    data = {
        "layers": 3, "heads": 2,
        "values": weights.ravel().tolist(), "norms": norms.ravel().tolist(),
        "queries": [chip(one, place) for place, one in enumerate(queries)],
        "keys": [chip(one, place) for place, one in enumerate(keys)],
        "without": (np.argwhere(~kept) + 1).tolist(), "ofOneText": keys is queries,
        "given": int(looks_back), "kind": "", "looks_at": "self",
    }  # fmt: skip
    return Given(make, data)


SWITCHES = [
    {"words": words, "special_tokens": special, "by_norms": by_norms}
    for words in (True, False)
    for special in (True, False)
    for by_norms in (True, False)
]


@pytest.mark.parametrize("kind", ["encoder", "pair", "cross", "written"])
def test_every_choice_gives_the_numbers_of_python(in_a_browser, kind):
    given = given_maps(kind)
    questions = [
        {**switches, "layer": layer, "head": head}
        for switches in SWITCHES
        for layer, head in CHOICES
    ]

    for asked, found in zip(questions, in_a_browser(given.data, questions), strict=True):
        maps = given.make(**{name: asked[name] for name in SWITCHES[0]})
        view = map_view(maps, asked["layer"], asked["head"])
        np.testing.assert_allclose(found["weights"], view.weights.ravel(), atol=1e-6)
        np.testing.assert_allclose(found["removed"], view.removed, atol=1e-6)
        assert found["names"] == [token.name for token in view.queries.whole]
        assert found["indexes"] == view.queries.indexes.tolist()
        assert found["top"] == pytest.approx(
            scale_top(view.weights, of_one_text=view.of_one_text), abs=1e-6
        )
        strongest = np.sort(view.weights.ravel())[::-1][:5]
        np.testing.assert_allclose(
            [pair["weight"] for pair in found["pairs"]], strongest, atol=1e-6
        )
        shown = [share for share in found["column"] if share is not None]
        np.testing.assert_allclose(shown, view.weights[:, 0], atol=1e-6)


@pytest.mark.parametrize("kind", ["encoder", "pair", "cross", "written"])
@pytest.mark.parametrize("count", [20, 70])
def test_tiles_and_types_of_all_heads_are_those_of_python(in_a_browser, kind, count):
    given = given_maps(kind, seed=count, count=count, sharp=(1, 4))
    questions = [{**one, "layer": 0, "head": 0, "tiles": True, "types": True} for one in SWITCHES]
    names = set()

    for asked, found in zip(questions, in_a_browser(given.data, questions), strict=True):
        maps = given.make(**{name: asked[name] for name in SWITCHES[0]})
        for layer in range(3):
            drawn = np.array(found["tiles"][layer], int).reshape(3, 48, 48)
            assert np.abs(drawn - tiles(maps.of_layer(layer), maps)).max() <= 1
            for said, real in zip(
                found["types"][layer], head_types(maps.of_layer(layer), maps.measure), strict=True
            ):
                assert said["name"] == real.name
                names.add(real.name)
                np.testing.assert_allclose(said["score"], real.score, atol=1e-5)
                np.testing.assert_allclose(said["entropy"], real.entropy, atol=1e-5)
    assert names >= {"focused", *(["two words back"] if kind == "written" else [])}


@pytest.mark.parametrize("count", [16, 90])
def test_maps_of_8_bits_are_as_near_as_is_said(in_a_browser, count, unpacked):
    given = given_maps("encoder", seed=1, count=count)
    plain = {"words": False, "special_tokens": True, "by_norms": False}
    weights = given.make(**plain).weights
    packed = packed_weights(weights)
    data = {**given.data, "values": None, "packed": packed}

    (found,) = in_a_browser(data, [{**plain, "layer": 1, "head": 0}])

    near = np.array(found["weights"]).reshape(count, count)
    np.testing.assert_allclose(near, unpacked(packed, weights.shape)[1, 0], atol=1e-6)
    errors = np.abs(near - weights[1, 0])
    assert errors.max() < 0.004
    assert 0.5 * errors.sum(axis=-1).mean() < 0.006


def test_joined_maps_keep_the_sums_of_their_rows(unpacked):
    maps = given_maps("encoder").make(words=True, special_tokens=True, by_norms=False)
    whole = map_view(maps, "max", "max").weights

    packed = packed_joined(maps, "max", "max")

    sums = np.frombuffer(base64.b64decode(packed["sums"]), "<f4")
    near = unpacked(packed["weights"], whole.shape) * sums[:, None]
    np.testing.assert_allclose(near, whole, atol=0.004 * whole.sum(axis=-1).max())


def of_reading(reading):
    """A reading as node gets it."""
    layers, heads = reading.weights.shape[:2]
    tokens = [chip(one, place) for place, one in enumerate(reading.tokens)]
    return {
        "layers": layers, "heads": heads, "values": reading.weights.ravel().tolist(),
        "norms": reading.value_norms.ravel().tolist(), "queries": tokens, "keys": tokens,
        "without": [], "ofOneText": True, "given": 0, "kind": "", "looks_at": "self",
    }  # fmt: skip


def of_generation(generation, looks_at):
    maps = generation_maps(generation, looks_at)
    sides = (
        [chip(one, place) for place, one in enumerate(side.whole)]
        for side in (maps.queries, maps.keys)
    )
    layers, heads = maps.weights.shape[:2]
    return {
        "layers": layers, "heads": heads, "values": maps.weights.ravel().tolist(), "norms": None,
        **dict(zip(("queries", "keys"), sides, strict=True)), "without": [], "ofOneText": False,
        "given": maps.given if maps.looks_back else 0, "kind": maps.kind, "looks_at": looks_at,
    }  # fmt: skip


def asked(layer, head, **changes):
    plain = {"words": False, "special_tokens": True, "by_norms": False}
    return {**plain, "layer": layer, "head": head, **changes}


@pytest.mark.parametrize("special_tokens", [True, False])
@pytest.mark.parametrize("words", [True, False])
def test_the_rows_of_rollout_are_shown_as_python_shows_them(
    in_a_browser, model, words, special_tokens
):
    reading = model.read("unbelievable music was unbad", "was it?")
    axis = text_axis(reading.tokens, special_tokens=special_tokens, words=words)
    expected = rollout_view(reading, axis)
    rows = [one(reading.weights, reading.kept_heads) for one in (rollout_row, last_row)]
    switches = {"words": words, "special_tokens": special_tokens}

    found = in_a_browser(
        of_reading(reading), [asked(0, 0, **switches, row=row.tolist()) for row in rows]
    )

    for place, one in enumerate(found):
        shares = [share for share in one["row"]["shares"] if share is not None]
        np.testing.assert_allclose(shares, expected.shares[place], atol=1e-6)
        assert one["row"]["removed"] == pytest.approx(expected.removed[place], abs=1e-6)
        assert one["row"]["entropy"] == pytest.approx(expected.entropies[place], abs=1e-5)


def test_the_token_shown_first_is_a_word_that_looks_at_another_word(in_a_browser, model):
    reading = model.read("not: bad")
    assert [token.label for token in reading.tokens] == ["[CLS]", "not", ":", "bad", "[SEP]"]
    weights = np.full_like(reading.weights, 0.05)
    weights[0, 0, 2, 3] = 0.8  # the colon looks more firmly than any word does
    weights[0, 0, 1, 0] = 0.8  # so does "not", but at [CLS]
    weights[0, 0, 3, 1] = 0.3
    questions = [asked(0, 0), asked(0, 0, special_tokens=False)]

    found = in_a_browser(of_reading(replace(reading, weights=weights)), questions)

    assert [one["first"] for one in found] == [3, 3]
    (alone,) = in_a_browser(of_reading(model.read("film")), [asked(0, 0, special_tokens=False)])
    assert alone["first"] == 1


def said(found):
    return " ".join(note if isinstance(note, str) else note["text"] for note in found["notes"])


def test_the_head_that_is_shown_is_told_with_its_type_and_others_with_a_caution(
    in_a_browser, model
):
    reading = model.read("unbelievable music was unbad", "was it?")
    maps = encoder_maps(reading, words=True)
    real = head_types(maps.of_layer(1), maps.measure)[0]
    questions = [
        asked(1, 0, words=True), asked(0, "max"), asked("mean", 1), asked(0, "mean"),
        asked(0, 0, by_norms=True),
    ]  # fmt: skip

    head, *others = in_a_browser(of_reading(reading), questions)

    assert said(head).startswith(f"Head 1 of layer 2: {real.name}")
    assert f"entropy {real.entropy:.2f}" in said(head)
    cautions = ("more than 100%", "nothing to do with", "hides what single", "Kobayashi")
    for one, caution in zip(others, cautions, strict=True):
        assert caution in said(one)


def test_the_removed_share_is_said_with_its_numbers(in_a_browser, model):
    reading = model.read("the film is good")
    own = reading.weights[0, 0][1:-1]
    drawn = own[:, 0] + own[:, -1]

    hidden, shown = in_a_browser(
        of_reading(reading), [asked(0, 0, special_tokens=False), asked(0, 0)]
    )

    assert f"had drawn {100 * drawn.mean():.0f}% of a row's attention on average" in said(hidden)
    assert f"{100 * drawn.max():.0f}% at most" in said(hidden)
    assert f"[CLS] and [SEP] draw {100 * drawn.mean():.0f}%" in said(shown)


def test_a_written_texts_map_is_told_in_words(in_a_browser, model):
    *_, generation = TextGenerator(model).write(model.read("the film is good"), Settings())
    view = map_view(generation_maps(generation, "source"), 1, 0)
    row, column = divmod(int(view.weights.argmax()), len(view.keys.tokens))
    names = [
        token.label if token.special else f"“{token.label}”"
        for token in (view.queries.tokens[row], view.keys.tokens[column])
    ]
    questions = [asked(1, 0), asked(0, 0, special_tokens=False)]

    found, hidden = in_a_browser(of_generation(generation, "source"), questions)

    rows = len(generation.ids)
    assert found["description"].startswith(
        f"Map of Cross-attention, layer 2, head 1: {rows} by 6 tokens, each row is a generated "
        "token, its columns are the source."
    )
    assert f"from {' to '.join(names)}." in found["description"]
    assert "hidden" not in said(found)
    own = [not token.special for token in generation.tokens]
    drawn = generation.cross_weights[0, 0][own][:, [0, -1]].sum(axis=-1)
    assert f"They had drawn {100 * drawn.mean():.0f}% of a row" in said(hidden)


@pytest.mark.parametrize(
    ("layer", "head", "name"),
    [
        (1, 0, "Layer 2, head 1"),
        (1, "max", "Layer 2, maximum over heads"),
        ("mean", 0, "Head 1, mean over layers"),
        ("max", "max", "Maximum over all layers and heads"),
        ("mean", "max", "Maximum over heads, mean over layers"),
    ],
)
def test_every_choice_has_the_name_that_a_file_of_it_has(in_a_browser, model, layer, head, name):
    reading = model.read("film")
    questions = [asked(layer, head), asked(layer, head, by_norms=True)]

    found = in_a_browser(of_reading(reading), questions)

    names = [attention_map(reading, layer, head, by_norms=norms).name for norms in (False, True)]
    assert [one["name"] for one in found] == names == [name, f"{name}, norm-weighted"]


def test_the_modules_are_one_script_too(skip_for_want):
    if not shutil.which("node"):
        skip_for_want("needs node")

    script = f"globalThis.window = globalThis;\n{maps_script()}"
    script += "console.log(Object.keys(attentionMaps).join());"
    done = subprocess.run(["node", "-"], input=script, capture_output=True, text=True, check=True)

    assert {"mount", "viewOf", "fittingState"} <= set(done.stdout.strip().split(","))
    assert not re.search(r"^(import|export) ", maps_script(), re.MULTILINE)
    assert "</" not in maps_script(), "it stands in a page"
