"""What readings of each task say: entities, spans, words at a mask, vectors."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from tokenizers import Tokenizer, processors

from bundle_format.folder import BundleError
from bundle_format.schema import Pooling
from explorer.bundle import open_bundle
from explorer.inference.encoder import MOST_MASKS, EncoderModel
from explorer.inference.logits import log_odds_of_log, sigmoid, softmax
from explorer.inference.question import told_apart
from explorer.inference.tasks.answer import NO_ANSWER, best_spans, no_answer, which_span
from explorer.inference.tasks.embed import how_alike, vectors
from explorer.inference.tasks.fill import best_words, word_at_mask
from explorer.inference.tasks.tag import Tagged, entities, first_asked, tagged
from explorer.inference.tokens import Word, own_words, placed_words

QUESTION, CONTEXT = "Was it good?", "The music was dull, but the film is good."


def said(labels, *, known=None, probability=0.8, segments=None):
    """Words that have these labels."""
    known = known or tuple(dict.fromkeys((*labels, "O", "B-PER")))
    shares = np.full((len(labels), len(known)), (1 - probability) / (len(known) - 1), np.float32)
    for row, label in enumerate(labels):
        shares[row, known.index(label)] = probability
    words = [
        Word((row,), f"w{row}", False, (segments or [0] * 99)[row]) for row in range(len(labels))
    ]
    return Tagged(words, shares, known)


@pytest.mark.parametrize(("labels", "expected"), [
    (["B-PER", "I-PER", "O", "B-LOC"], [("PER", [0, 1]), ("LOC", [3])]),
    (["B-PER", "B-PER"], [("PER", [0]), ("PER", [1])]),
    (["I-PER", "I-PER", "I-LOC"], [("PER", [0, 1]), ("LOC", [2])]),
    (["B-PER", "E-PER", "I-PER"], [("PER", [0, 1]), ("PER", [2])]),
    (["S-PER", "I-PER"], [("PER", [0]), ("PER", [1])]),
    (["B-PER", "L-PER", "U-PER"], [("PER", [0, 1]), ("PER", [2])]),
    (["PER", "PER", "O", "PER"], [("PER", [0, 1]), ("PER", [3])]),
    (["-LRB-", "-LRB-", "O"], [("-LRB-", [0, 1])]),
    (["B-FIRST-NAME", "I-FIRST-NAME", "E-MAIL"], [("FIRST-NAME", [0, 1]), ("MAIL", [2])]),
    (["O", "O"], []),
])  # fmt: skip
def test_entities_are_read_by_the_names_of_their_labels(labels, expected):
    assert [(one.kind, list(one.words)) for one in entities(said(labels))] == expected


@pytest.mark.parametrize("text", ["zo\u00ado film. A zoo good", "A go\u200cod zoo. Good."])
def test_words_stand_where_they_were_typed_with_what_cannot_be_seen_inside(task_models, text):
    reading = task_models["tag"].read(text)

    placed = placed_words(reading.tokens, (text, ""))

    assert len(placed) == len(own_words(reading.tokens))
    assert "".join(text[slice(*at)] for _, at in placed) == text.replace(" ", "")


def test_parts_of_speech_stand_each_by_itself():
    found = entities(said(["NOUN", "NOUN", "VERB"], known=("NOUN", "VERB")))

    assert [(one.kind, list(one.words)) for one in found] == [
        ("NOUN", [0]), ("NOUN", [1]), ("VERB", [2]),
    ]  # fmt: skip


def test_an_entity_ends_with_its_text_and_has_the_mean_of_its_words():
    two = entities(said(["B-PER", "I-PER"], segments=[0, 1]))
    one = said(["B-PER", "I-PER"])
    one.probabilities[1] = [0.3, 0.6, 0.1]

    assert [list(each.words) for each in two] == [[0], [1]]
    assert entities(one)[0].probability == pytest.approx((0.8 + 0.6) / 2)


def test_the_surest_entity_is_asked_about_first():
    found = said(["O", "B-PER", "B-LOC"])
    found.probabilities[2, 2] = 0.99

    assert first_asked(found) == 2
    assert first_asked(said(["O", "O"])) == 0


def test_a_word_has_the_label_of_its_first_piece(task_models):
    model = task_models["tag"]
    reading = model.read("an unbelievable film")

    found = tagged(reading, model.bundle.labels)

    words = own_words(reading.tokens)
    assert len(words[1].places) > 1
    expected = softmax(reading.outputs["logits"])[[word.places[0] for word in words]]
    np.testing.assert_array_equal(found.probabilities, expected)


def shares_of(reading):
    """The probabilities of start and end at [CLS] and the tokens of the context."""
    context = [
        place for place, token in enumerate(reading.tokens) if token.segment and not token.special
    ]
    places = [0, *context]
    names = ("start_logits", "end_logits")
    return places, [softmax(reading.outputs[name][places].astype(np.float64)) for name in names]


def test_the_best_spans_are_those_of_all_pairs_of_words(task_models):
    reading = task_models["answer"].read(QUESTION, CONTEXT)
    places, (starts, ends) = shares_of(reading)
    words = [word for word in own_words(reading.tokens) if word.segment]

    found = best_spans(reading)

    every = {
        (one.places[0], last.places[-1]): starts[places.index(one.places[0])]
        * ends[places.index(last.places[-1])]
        for row, one in enumerate(words)
        for last in words[row:]
    }
    best = sorted(every, key=every.get, reverse=True)[:5]
    assert [tuple(one.span) for one in found] == best
    np.testing.assert_allclose([one.probability for one in found], [every[one] for one in best])
    assert all(CONTEXT[slice(*one.within)] == one.text for one in found)
    assert no_answer(reading) == pytest.approx(starts[0] * ends[0])


def test_which_span_has_each_spans_probability_and_that_of_the_best_other(task_models):
    model = task_models["answer"]
    reading = model.read(QUESTION, CONTEXT)
    question = which_span(reading)

    answered = model.asked_of(question, reading)

    spans = best_spans(reading)
    others = best_spans(reading, 6)[5].probability
    expected = [*(one.probability for one in spans), no_answer(reading), others]
    np.testing.assert_allclose(answered.probabilities, expected, rtol=1e-5)
    assert question.labels[5] == NO_ANSWER
    assert len(set(question.labels)) == len(question.labels)


def test_where_no_answer_is_likeliest_it_is_what_is_said(task_models):
    model = task_models["answer"]
    reading = model.read(QUESTION, CONTEXT)
    outputs = {name: array.copy() for name, array in reading.outputs.items()}
    for array in outputs.values():
        array[0] += 50
    sure = replace(reading, outputs=outputs)

    answered = model.asked_of(which_span(sure), sure)

    assert which_span(sure).labels[answered.likeliest] == NO_ANSWER
    assert answered.read_from == (0,)


def test_no_answer_is_read_from_the_token_of_the_whole_text_wherever_it_stands(
    task_bundles, relist, tmp_path
):
    folder = tmp_path / "last"
    shutil.copytree(task_bundles["answer"].folder, folder)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    marks = [(mark, tokenizer.token_to_id(mark)) for mark in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A [SEP] [CLS]", pair="$A [SEP] $B:1 [SEP]:1 [CLS]:1", special_tokens=marks
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    relist(folder)
    model = EncoderModel(open_bundle(folder))

    reading = model.read("Was [CLS] good?", CONTEXT)  # what a reader writes stands for nothing

    last = len(reading.tokens) - 1
    assert (reading.cls, reading.tokens[last].piece) == (last, "[CLS]")
    context = [place for place, one in enumerate(reading.tokens) if one.segment and not one.special]
    starts, ends = (
        softmax(reading.outputs[name][[last, *context]].astype(np.float64))
        for name in ("start_logits", "end_logits")
    )
    np.testing.assert_allclose(no_answer(reading), starts[0] * ends[0], rtol=1e-6)
    outputs = {name: array.copy() for name, array in reading.outputs.items()}
    for array in outputs.values():
        array[last] += 50
    sure = replace(reading, outputs=outputs)
    answered = model.asked_of(which_span(sure), sure)
    assert which_span(sure).labels[answered.likeliest] == NO_ANSWER
    assert answered.read_from == (last,)


def test_words_at_a_mask_are_the_softmax_of_its_row(task_models):
    model = task_models["fill"]
    reading = model.read("The film is [MASK] and [MASK]!")
    place = reading.encoded.held[1]
    hidden = reading.outputs["logits"]

    words = best_words(model, reading, 1)
    answered = model.asked_of(word_at_mask(model, reading, 1), reading)

    assert reading.tokens[place].piece == "[MASK]"
    assert hidden.shape == (2, model.bundle.vocabulary), "no other rows are kept"
    shares = softmax(hidden[1].astype(np.float64))
    assert [word.token_id for word in words] == np.argsort(-shares)[:10].tolist()
    np.testing.assert_allclose([word.probability for word in words], np.sort(shares)[:-11:-1])
    np.testing.assert_allclose(answered.probabilities, np.sort(shares)[:-12:-1], rtol=1e-4)
    assert answered.read_from == answered.encoded.held == (place,)


def test_a_word_can_be_asked_about_that_is_none_of_the_likeliest(task_models):
    model = task_models["fill"]
    reading = model.read("The film is [MASK].")
    rare = int(reading.outputs["logits"][0].argmin())

    question = word_at_mask(model, reading, 0, rare)

    shares = softmax(reading.outputs["logits"][0].astype(np.float64))
    answered = model.asked_of(question, reading)
    assert question.labels[10] == model.word_of(rare)
    assert answered.probabilities[10] == pytest.approx(shares[rare], rel=1e-3)


def test_of_many_masks_the_first_are_filled_and_kept(task_models):
    model = task_models["fill"]

    reading = model.read("[MASK] " * 25)

    assert len(reading.encoded.held) == MOST_MASKS
    assert reading.bytes == model.reading_bytes(len(reading.tokens))


def test_a_model_that_fills_has_a_mask(task_bundles, tmp_path):
    file = task_bundles["fill"].tokenizer_file
    content = json.loads(file.read_text("utf-8"))
    content["model"]["vocab"]["[GAP]"] = content["model"]["vocab"].pop("[MASK]")
    content["added_tokens"] = [one for one in content["added_tokens"] if one["content"] != "[MASK]"]
    (tmp_path / "tokenizer.json").write_text(json.dumps(content), "utf-8")
    lacking = replace(task_bundles["fill"], folder=tmp_path)

    with pytest.raises(BundleError, match=r"has no mask token, and bundle\.json has the task fill"):
        EncoderModel(lacking)

    assert EncoderModel(replace(lacking, mask="[GAP]")).mask == "[GAP]"


def test_two_texts_are_read_each_by_itself(task_models):
    model = task_models["embed"]
    one, other = "the film is good", "it was not a great story"

    both = model.read(one, other)

    alone = model.read(one), model.read(other)
    size = len(alone[0].tokens)
    np.testing.assert_allclose(both.hidden[:size], alone[0].hidden, atol=1e-5)
    np.testing.assert_allclose(both.hidden[size:], alone[1].hidden, atol=1e-5)
    np.testing.assert_allclose(both.weights[..., :size, :size], alone[0].weights, atol=1e-5)
    np.testing.assert_allclose(both.weights[..., size:, size:], alone[1].weights, atol=1e-5)
    assert not both.weights[..., :size, size:].any()
    assert not both.weights[..., size:, :size].any()
    np.testing.assert_allclose(both.weights.sum(axis=-1), 1, atol=1e-5)
    assert both.bytes == model.reading_bytes(len(both.tokens))


@pytest.mark.parametrize(("mode", "pool"), [
    ("mean", lambda hidden: hidden.mean(axis=0)),
    ("max", lambda hidden: hidden.max(axis=0)),
    ("cls", lambda hidden: hidden[0]),
    ("last", lambda hidden: hidden[-1]),
])  # fmt: skip
@pytest.mark.parametrize("normalize", [True, False])
def test_vectors_are_pooled_as_the_bundle_says(task_models, mode, pool, normalize):
    model = task_models["embed"]
    pooling = Pooling(mode=mode, normalize=normalize)
    texts = "the film is good", "a great story"
    expected = [pool(model.read(text).hidden) for text in texts]
    lengths = [np.linalg.norm(one) for one in expected]
    reading = model.read(*texts)

    found = vectors(reading, pooling)
    alike = model.asked_of(how_alike(reading, pooling), reading)

    scaled = [one / length for one, length in zip(expected, lengths, strict=True)]
    np.testing.assert_allclose(found, scaled if normalize else expected, atol=1e-5)
    assert alike.probabilities[0] == pytest.approx(scaled[0] @ scaled[1], abs=1e-5)


def test_one_text_has_one_vector(task_models):
    pooling = Pooling(mode="mean", normalize=True)

    assert len(vectors(task_models["embed"].read("the film"), pooling)) == 1


def test_each_text_is_cut_by_itself_and_both_fit_into_one_map(task_models):
    model = task_models["embed"]
    most = model.bundle.most_tokens

    reading = model.read("film " * 100, "story " * 100)

    assert len(reading.tokens) == 2 * most == model.bundle.most_shown
    assert reading.tokens_left_out == 2 * (102 - most)


def test_words_of_the_vocabulary_have_names_for_people(task_models, task_bundles):
    model = task_models["fill"]

    assert model.word_of(model.id_of("film")) == "film"
    assert model.word_of(model.id_of("##ing")) == "##ing"
    assert model.id_of("zzzz") is None
    assert model.word_of(10**6) == "[1000000]"
    assert told_apart(["a", "b", "a", "x"], ("x",)) == ("a", "b", "a (2)", "x (2)", "x")


def test_log_odds_of_a_sure_thing_stay_finite():
    logs = np.log(np.array([0.5, 1e-300, 1.0]))

    found = log_odds_of_log(logs)

    assert np.isfinite(found).all()
    assert found[0] == pytest.approx(0)
    assert sigmoid(log_odds_of_log(np.log(np.array([0.123]))))[0] == pytest.approx(0.123)


def test_words_are_found_in_their_own_text(task_models):
    reading = task_models["answer"].read("Was it good? Good.", "good good")

    placed = placed_words(reading.tokens, (reading.text, reading.text_pair))

    texts = reading.text, reading.text_pair
    assert [texts[word.segment][slice(*at)] for word, at in placed] == [
        word.text for word in own_words(reading.tokens)
    ]
    assert [at for word, at in placed if word.segment] == [(0, 4), (5, 9)]


@pytest.mark.parametrize("task", ["tag", "answer", "fill", "embed"])
def test_a_bundle_is_asked_nothing_until_somebody_asks(task_models, task_bundles, task):
    reading = task_models[task].read("the film is [MASK]", "a good story")

    assert task_models[task].question is None
    assert not len(reading.logits)
    assert open_bundle(task_bundles[task].folder).task == task
