"""How much of a text is read: bounds of memory and time, told like what the model cannot read."""

import pytest

from explorer import bundle as limits
from explorer.bundle import MAP_BYTES, OPERATIONS, most_tokens, operations
from explorer.inference.encoder import EncoderModel
from explorer.ui import wording
from explorer.ui.payloads import about


@pytest.mark.parametrize(
    ("model", "most"),
    [
        ((512, 6, 6 * 12, 384), 512),
        ((512, 24, 24 * 16, 1024), 512),
        ((8192, 24, 24 * 16, 1024), 512),  # 400 MB of maps
        ((8192, 24, 3 * 16, 1024), 603),  # three layers have some: as long as two seconds
        ((8192, 12, 12 * 12, 768), 836),
        ((8192, 8, 8 * 8, 512), 1024),  # a map of a million cells
        ((4096, 48, 48 * 25, 1600), 133),  # as long as is read in two seconds
        ((8, 48, 48 * 25, 1600), 8),
        ((8192, 96, 96 * 96, 12288), 16),  # read, however long it takes
    ],
)
def test_what_fits_into_memory_and_time_is_read(model, most):
    assert most_tokens(*model) == most


def test_the_bounds_are_those_that_are_stated():
    assert 4 * 12 * 12 * 836**2 <= MAP_BYTES < 4 * 12 * 12 * 837**2
    assert operations(133, 48, 1600) <= OPERATIONS < operations(134, 48, 1600)
    # One layer, two tokens, two numbers each: 96 for the weights, 16 for who looks at whom.
    assert operations(2, 1, 2) == 2 * (96 + 16)


def test_a_cut_for_want_of_memory_is_told_like_any_other(bundle, monkeypatch):
    monkeypatch.setattr(limits, "CELLS", 20**2)
    model = EncoderModel(bundle)

    reading = model.read("film " * 100)

    said = about(model, reading)
    assert (len(said["tokens"]), said["tokens_left_out"], said["max_tokens"]) == (20, 82, 20)
    assert wording.notices(reading, bundle)[0] == (
        "The model could read 32 tokens, but the maps of so many would take too much memory and "
        "time: this page reads 20 at most, and this text has 102: 82 were left out of the answer "
        "and of the maps."
    )
