"""Bundles that only write, or only classify: a page has what its bundles can do."""

import json

import pytest

import app
from bundle_format.folder import BundleError
from explorer.bundle import open_bundle
from explorer.errors import RequestError
from explorer.inference.encoder import EncoderModel
from explorer.ui.models import PageModels
from explorer.writing.generator import TextGenerator
from explorer.writing.settings import Settings


@pytest.fixture(scope="module")
def writes_only(copy_of_tiny, bundle):
    graphs = json.loads((bundle.folder / "bundle.json").read_text("utf-8"))["graphs"]
    graphs["encode"] = graphs.pop("classify")
    folder = copy_of_tiny(
        title="Writer",
        tasks=["generate"],
        graphs=graphs,
        labels=None,
        problem_type=None,
        temperature=None,
    )
    return open_bundle(folder)


@pytest.fixture(scope="module")
def classifies_only(copy_of_tiny):
    return open_bundle(copy_of_tiny(title="Classifier", tasks=["classify"]))


READS = {"attention", "head_types", "rollout", "health"}
CLASSIFIES = {
    "classify", "occlusion", "pairs", "smallest_flip", "trust",
    "head_effects", "pruning", "compare",
}  # fmt: skip
WRITES = {
    "generate",
    "self_attention",
    "cross_attention",
    "source_reliance",
    "decoder_head_effects",
}


def endpoints(page):
    return {fn.api_name for fn in page.fns.values() if fn.api_visibility == "public"}


def test_a_page_offers_what_its_bundles_can_do(writes_only, classifies_only, bundle):
    assert endpoints(app.build_app([writes_only])) == READS | WRITES
    assert endpoints(app.build_app([classifies_only])) == READS | CLASSIFIES
    assert endpoints(app.build_app([bundle])) == READS | CLASSIFIES | WRITES


def test_nothing_runs_beside_the_queue_or_two_at_a_time(bundle, classifies_only):
    functions = list(app.build_app([bundle, classifies_only]).fns.values())

    ours = [fn for fn in functions if fn.fn is not None]
    assert len(ours) > 20
    assert all(fn.queue for fn in ours)
    assert {(fn.concurrency_id, fn.concurrency_limit) for fn in ours} == {
        ("reading", 1), ("analysis", 1), ("writing", 1),
    }  # fmt: skip


def test_the_pages_own_handlers_take_their_values_by_name(bundle):
    functions = app.build_app([bundle]).fns.values()

    ours = [fn for fn in functions if fn.fn is not None and fn.api_visibility == "private"]
    assert len(ours) > 20
    by_place = [fn.name for fn in ours if len(fn.input_keyword_names) != len(fn.inputs)]
    assert by_place == []


def test_a_bundle_without_a_classifier_reads_and_writes(writes_only):
    model = EncoderModel(writes_only)
    reading = model.read("the film is good")

    *_, generation = TextGenerator(model).write(reading, Settings())

    assert len(reading.logits) == len(reading.probabilities) == 0
    assert generation.text


def test_its_page_begins_without_an_answer(writes_only, page_of):
    page = page_of(PageModels([EncoderModel(writes_only)]))

    begun = page.reading.begin("Writer")

    around = {page.frame.facts, page.frame.tour, page.frame.about}
    assert begun.keys() == {*around, page.reading.shown}
    assert begun[page.reading.shown] is None


@pytest.mark.parametrize("ask", [
    lambda api: api.classify("good", bundle="Writer"),
    lambda api: api.occlusion("good", bundle="Writer"),
    lambda api: api.head_effects("good", bundle="Writer"),
    lambda api: api.compare("good", "bad", bundle="Writer"),
    lambda api: api.compare("good", "bad", other_bundle="Writer"),
])  # fmt: skip
def test_an_endpoint_of_a_task_that_a_model_lacks_says_who_has_it(
    writes_only, classifies_only, ask, endpoints_of
):
    models = PageModels([EncoderModel(classifies_only), EncoderModel(writes_only)])

    with pytest.raises(RequestError) as refused:
        ask(endpoints_of(models))

    assert str(refused.value) == (
        "Writer does not classify: it has no classifier. Choose one that does: Classifier."
    )


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("generation_config.json", "{", r"generation_config\.json is not readable as JSON"),
        ("generation_config.json", "[]", r"holds a JSON list; expected an object"),
        (
            "generation_config.json",
            '{"bos_token_id": 2, "eos_token_id": 999}',
            r"has 999 as its end token; expected 0 to 100",
        ),
        (
            "generation_config.json",
            '{"bos_token_id": 2, "length_penalty": 400}',
            r"has 400 as length_penalty; expected a finite number from -10 to 10",
        ),
        ("tokenizer.json", None, r"has no decoder/tokenizer\.json, which its bundle\.json lists"),
    ],
)
def test_a_broken_decoder_folder_is_refused_in_words(copy_of_tiny, file, content, message):
    folder = copy_of_tiny()
    path = folder / "decoder" / file
    path.unlink() if content is None else path.write_text(content, encoding="utf-8")

    with pytest.raises(BundleError, match=message):
        open_bundle(folder)
