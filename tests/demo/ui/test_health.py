"""The endpoint by which whoever runs a page sees whether it is well."""

from dataclasses import replace

import numpy as np
import pytest

from bundle_format.folder import sha256
from explorer.inference.encoder import EncoderModel
from explorer.ui.models import PageModels


@pytest.fixture
def sick(bundle):
    """A model whose memory is not what it was."""
    model = EncoderModel(bundle)
    model.first_reading = replace(model.first_reading, hidden=model.first_reading.hidden + 1)
    return model


def test_a_page_that_is_well_says_what_it_runs_on(model, endpoints_of):
    found = endpoints_of(PageModels([model])).health()

    (one,) = found["bundles"]
    assert found["well"] is one["well"] is True
    assert one["sha256"] == sha256(model.bundle.folder / "bundle.json")
    assert 0 <= one["rows"] < 1e-5
    assert one["drift"] == 0
    assert set(found["versions"]) == {"python", "gradio", "numpy", "onnxruntime", "tokenizers"}


def test_a_model_that_answers_otherwise_than_at_the_start_is_not_well(sick, endpoints_of):
    found = endpoints_of(PageModels([sick])).health()

    assert found["well"] is found["bundles"][0]["well"] is False
    assert found["bundles"][0]["drift"] == pytest.approx(1)


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_a_model_that_answers_no_numbers_is_not_well(sick, endpoints_of, number):
    sick.first_reading = replace(sick.first_reading, hidden=sick.first_reading.hidden * number)

    found = endpoints_of(PageModels([sick])).health()

    assert found["well"] is False
    assert found["bundles"][0]["drift"] is None
