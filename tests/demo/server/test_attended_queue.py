"""Work goes beside other work, ends with its reader, and is not done for those who never come."""

import gc
import json
import time
import urllib.error
import urllib.request
import weakref
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import numpy as np
import pytest

import app
from explorer.analyses import perturbation as answers_module
from explorer.inference.encoder import EncoderModel
from explorer.inference.reading_cache import ReadingCache
from explorer.server import attended_queue, request_log
from explorer.server.attended_queue import ENDED, LONGEST_LINE, MADE_ROOM, Mailbox
from explorer.writing.decoder import DecoderSession
from explorer.writing.generator import TextGenerator
from explorer.writing.settings import Settings

TEXT = "the film is good"


@pytest.fixture(scope="module")
def page(bundle):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(attended_queue, "_ROUND", 0.02)
        page = app.build_app([bundle])
        app.launch(page, prevent_thread_lock=True)
        yield page
        page.close(verbose=False)


@pytest.fixture(scope="module")
def written(model):
    """What is written for the text."""
    *_, generation = TextGenerator(model).write(model.read(TEXT), Settings())
    return generation


@pytest.fixture
def queue(page):
    """The page's queue: nothing goes on in it before and after a test, and nothing lies in it."""
    until(lambda: is_idle(page._queue))
    page._queue.pending_messages_per_session.clear()
    yield page._queue
    until(lambda: is_idle(page._queue))


@pytest.fixture
def pool():
    with ThreadPoolExecutor() as pool:
        yield pool


class Held:
    """Runs of a model that wait until they may go on."""

    def __init__(self):
        self.runs = 0
        self.may_go_on = Event()

    def hold(self, run):
        def held(*given, **named):
            self.runs += 1
            self.may_go_on.wait(30)
            return run(*given, **named)

        return held


@pytest.fixture
def held(queue, monkeypatch):
    """Holds analyses of one text a run, and what writes; `queue` is idle again after it."""
    held = Held()
    monkeypatch.setattr(answers_module, "_ROWS", 1)
    monkeypatch.setattr(EncoderModel, "answer", held.hold(EncoderModel.answer))
    monkeypatch.setattr(DecoderSession, "run", held.hold(DecoderSession.run))
    yield held
    held.may_go_on.set()


def until(condition):
    """Waits for what happens in the server's threads."""
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.005)


def is_idle(queue):
    return not queue.event_ids_to_events and not queue.get_active_worker_count()


def waiting(queue, name):
    return queue.event_queue_per_concurrency_id[name].queue


def post(page, name, *values):
    """Asks an endpoint; gives where its messages are to be fetched."""
    address = f"{page.local_api_url}call/{name}"
    defaults = {
        "classify": ["", "", None],
        "occlusion": ["", "", "deleted", ""],
        "generate": ["greedy", 1.0, 0, 1.0, 4, 1.0, 0, 64, 0, ""],
    }
    body = json.dumps({"data": [*values, *defaults[name]]}).encode()
    request = urllib.request.Request(address, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as response:
        return f"{address}/{json.load(response)['event_id']}"


def fetch(address):
    """The kind of the last message, and its data."""
    with urllib.request.urlopen(address, timeout=30) as response:
        kind, data = response.read().decode().strip().split("\n\n")[-1].split("\n")
    return kind.removeprefix("event: "), json.loads(data.removeprefix("data: "))


def test_a_reading_is_answered_while_an_analysis_and_a_text_are_under_way(page, held, pool, model):
    analysis = pool.submit(fetch, post(page, "occlusion", TEXT))
    generation = pool.submit(fetch, post(page, "generate", TEXT))
    until(lambda: held.runs == 2)

    kind, (answer,) = fetch(post(page, "classify", TEXT))

    assert kind == "complete"
    probabilities = list(answer["probabilities"].values())
    np.testing.assert_allclose(probabilities, model.read(TEXT).probabilities, atol=1e-6)
    assert not analysis.done()
    assert not generation.done()
    held.may_go_on.set()
    kind, (found,) = analysis.result()
    assert (kind, found["words"]) == ("complete", TEXT.split())
    assert generation.result()[0] == "complete"


def test_an_analysis_ends_when_its_reader_leaves(page, queue, held, monkeypatch):
    logged = []
    monkeypatch.setattr(request_log, "tell", lambda outcome, **told: logged.append((outcome, told)))
    address = post(page, "occlusion", TEXT)
    stream = urllib.request.urlopen(address)
    until(lambda: held.runs == 1)
    (event,) = queue.event_ids_to_events.values()
    stream.close()
    until(lambda: not event.alive)

    held.may_go_on.set()
    until(lambda: is_idle(queue))

    assert held.runs == 1  # of five
    until(lambda: logged)
    assert [(outcome, told["asked"]) for outcome, told in logged] == [("left", "/occlusion")]
    assert queue._outcomes == {}


def test_who_waits_when_the_page_stops_is_told_so(page, queue, held, pool):
    under_way = pool.submit(fetch, post(page, "occlusion", TEXT))
    until(lambda: held.runs == 1)
    waits = pool.submit(fetch, post(page, "occlusion", f"{TEXT} today"))
    until(lambda: len(waiting(queue, "analysis")) == 1)

    queue.end_all()

    told = ("error", {"error": attended_queue.STOPPED})
    assert under_way.result() == waits.result() == told


def test_nothing_of_an_analysis_is_held_once_its_reader_has_left(page, queue, held, monkeypatch):
    maps, read = [], EncoderModel.read_encoded

    def read_and_watch(*given):
        reading = read(*given)
        maps.append(weakref.ref(reading.weights))
        return reading

    monkeypatch.setattr(EncoderModel, "read_encoded", read_and_watch)
    monkeypatch.setattr(ReadingCache, "keep", lambda cache, key, reading: reading)
    gc.disable()  # what held itself would go with it: later, and the maps of a long text with it
    try:
        stream = urllib.request.urlopen(post(page, "occlusion", f"{TEXT} today"))
        until(lambda: held.runs == 1)
        (event,) = queue.event_ids_to_events.values()
        stream.close()
        until(lambda: not event.alive)
        held.may_go_on.set()
        until(lambda: is_idle(queue))

        until(lambda: maps and all(one() is None for one in maps))
    finally:
        gc.enable()


def test_what_still_waits_when_its_reader_leaves_is_not_begun(page, queue, held, pool):
    first = pool.submit(fetch, post(page, "occlusion", "good"))
    until(lambda: held.runs == 1)
    stream = urllib.request.urlopen(post(page, "occlusion", TEXT))
    until(lambda: len(waiting(queue, "analysis")) == 1)
    stream.close()
    until(lambda: not waiting(queue, "analysis"))

    held.may_go_on.set()

    assert first.result()[0] == "complete"
    until(lambda: is_idle(queue))
    assert held.runs == 1


def test_requests_that_nobody_listens_to_keep_nobody_out(
    written, page, queue, held, pool, monkeypatch
):
    monkeypatch.setattr(attended_queue, "_HASTE", 0)
    begun, begin = [], DecoderSession.begin
    monkeypatch.setattr(
        DecoderSession, "begin", lambda graph, source: begun.append(source) or begin(graph, source)
    )
    unheard = [post(page, "generate", f"{TEXT} {number}") for number in range(LONGEST_LINE + 4)]
    until(lambda: held.runs == 1)
    assert len(waiting(queue, "writing")) == LONGEST_LINE

    answer = pool.submit(fetch, post(page, "generate", TEXT))
    until(lambda: any(map(queue._is_attended, waiting(queue, "writing"))))
    held.may_go_on.set()

    kind, (said,) = answer.result()
    assert (kind, said["text"]) == ("complete", written.text)
    np.testing.assert_array_equal(begun[1], written.source.hidden)  # it went before the others
    assert fetch(unheard[1]) == ("error", {"error": ENDED})  # the oldest made room
    monkeypatch.setattr(attended_queue, "GRACE", 0)
    until(lambda: is_idle(queue))
    assert len(begun) <= 1 + attended_queue._ON_TRUST


def test_a_line_of_readers_who_listen_turns_others_away(page, queue, held, pool, monkeypatch):
    monkeypatch.setattr(attended_queue, "_HASTE", 0)
    monkeypatch.setattr(attended_queue, "LONGEST_LINE", 2)
    streams = [urllib.request.urlopen(post(page, "generate", TEXT)) for _ in range(3)]
    until(lambda: all(map(queue._is_attended, queue.event_ids_to_events.values())))

    with pytest.raises(urllib.error.HTTPError, match="503") as refused:
        post(page, "generate", TEXT)

    assert "The page is busy" in json.load(refused.value)["detail"]
    assert fetch(post(page, "classify", TEXT))[0] == "complete"  # another line
    for stream in streams:
        stream.close()


def test_work_ends_that_nobody_came_for_in_time(page, queue, held, monkeypatch):
    address = post(page, "occlusion", TEXT)
    until(lambda: held.runs == 1)
    (event,) = queue.event_ids_to_events.values()

    monkeypatch.setattr(attended_queue, "GRACE", 0)
    until(lambda: not event.alive)
    held.may_go_on.set()
    until(lambda: is_idle(queue))

    assert held.runs == 1
    assert fetch(address) == ("error", {"error": ENDED})


def test_who_waits_need_not_wait_for_the_end_of_what_nobody_waits_for(
    page, queue, held, pool, monkeypatch
):
    unheard = post(page, "occlusion", TEXT)
    until(lambda: held.runs == 1)
    (event,) = queue.event_ids_to_events.values()
    answer = pool.submit(fetch, post(page, "occlusion", "good"))
    until(lambda: any(map(queue._is_attended, waiting(queue, "analysis"))))
    assert event.alive

    monkeypatch.setattr(attended_queue, "_HASTE", 0)
    until(lambda: not event.alive)
    held.may_go_on.set()

    assert answer.result()[0] == "complete"
    assert held.runs == 2
    assert fetch(unheard) == ("error", {"error": ENDED})


def test_who_comes_a_little_later_gets_the_answer_and_few_messages_waited(
    written, page, queue, monkeypatch
):
    monkeypatch.setattr(attended_queue, "_UNREAD", 4)
    addresses = [post(page, "generate", TEXT), post(page, "classify", TEXT)]
    until(lambda: is_idle(queue))
    assert queue.pending_messages_per_session[addresses[0].split("/")[-1]].qsize() == 5

    (kind, (said,)), (_, (answer,)) = map(fetch, addresses)

    assert (kind, said["text"]) == ("complete", written.text)
    assert len(written.steps) > 5
    assert len(answer["tokens"]) == 6


def test_few_are_served_on_trust_and_the_next_once_somebody_comes(page, queue):
    addresses = [post(page, "classify", TEXT) for _ in range(6)]
    line = waiting(queue, "reading")
    until(lambda: len(queue.event_ids_to_events) == len(line) == 2)

    assert not queue._may_begin(line[0])
    for address in addresses:
        assert fetch(address)[0] == "complete"


def test_answers_that_nobody_fetched_are_forgotten(page, queue, monkeypatch):
    post(page, "classify", TEXT)
    until(lambda: is_idle(queue))
    assert queue.pending_messages_per_session

    monkeypatch.setattr(attended_queue, "_KEPT", 0)
    until(lambda: not queue.pending_messages_per_session)

    assert not queue.pending_event_ids_session


def test_one_that_has_not_listened_yet_stays_before_those_that_are_done():
    boxes = attended_queue._Mailboxes(2)
    boxes["done"] = Mailbox()
    boxes["done"]._fetched = boxes["done"].filled + 0.001
    time.sleep(0.002)
    boxes["new"] = Mailbox()

    boxes["newer"] = Mailbox()

    assert list(boxes) == ["new", "newer"]


def test_too_many_sessions_do_not_push_out_one_that_listens(monkeypatch):
    boxes = attended_queue._Mailboxes(2)
    boxes["listens"] = Mailbox()
    boxes["never"] = Mailbox()
    boxes["listens"]._fetching = 1

    for name in ("another", "one more"):
        boxes[name] = Mailbox()

    assert list(boxes) == ["listens", "one more"]
    del boxes["never"]  # gone already


def test_unfetched_answers_take_so_much_room_and_the_oldest_go(page, queue, monkeypatch):
    first = post(page, "classify", TEXT)
    until(lambda: is_idle(queue))
    boxes = queue.pending_messages_per_session
    (size,) = (box.bytes for box in boxes.values())
    assert size > len(TEXT)

    monkeypatch.setattr(attended_queue, "_ROOM", int(1.5 * size))
    second = post(page, "classify", TEXT)
    until(lambda: is_idle(queue))

    assert sum(box.bytes for box in boxes.values()) < 1.5 * size
    assert fetch(first) == ("error", {"error": MADE_ROOM})
    assert fetch(second)[0] == "complete"


def test_a_text_that_nobody_fetches_ends_when_its_messages_take_too_much(page, queue, monkeypatch):
    monkeypatch.setattr(attended_queue, "_ROOM", 0)
    address = post(page, "generate", TEXT)
    until(lambda: is_idle(queue))

    assert fetch(address) == ("error", {"error": MADE_ROOM})


def test_the_size_of_a_message_is_that_of_its_values():
    size = attended_queue._size({"data": [{"map": [[0.5] * 1000] * 10, "url": "a" * 5000}]})

    assert 320_000 + 5000 < size < 330_000
