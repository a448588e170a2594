"""Turns to run a graph: one at a time, short readings first, none once the program ends."""

import os
import subprocess
import sys
import time
from threading import Event, Thread

import pytest

from explorer.inference.session import Turns


class Queueing:
    """Threads that take a turn each, in an order that the test decides."""

    def __init__(self):
        self.turns = Turns()
        self.had = []
        self._threads = []

    def ask(self, name, **options):
        """Returns once a thread waits for its turn."""
        waiting = len(self.turns._waiting)

        def take():
            with self.turns.take(**options):
                self.had.append(name)

        self._threads.append(Thread(target=take, daemon=True))
        self._threads[-1].start()
        until(lambda: len(self.turns._waiting) > waiting)

    def end(self):
        for thread in self._threads:
            thread.join(10)


def until(condition):
    """Waits for what happens in another thread."""
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.002)


@pytest.fixture
def queueing():
    return Queueing()


def test_a_short_reading_goes_before_runs_that_waited_longer(queueing):
    with queueing.turns.take():
        for name, first in (("one", False), ("two", False), ("short", True), ("later", True)):
            queueing.ask(name, first=first)
        assert queueing.had == []
    queueing.end()

    assert queueing.had == ["short", "later", "one", "two"]


def test_a_run_that_fails_gives_its_turn_back(queueing):
    def fail():
        with queueing.turns.take():
            queueing.ask("next")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    queueing.end()

    assert queueing.had == ["next"]


def test_the_end_waits_for_the_run_under_way_and_lets_no_other_begin(queueing):
    may_end, closed = Event(), []

    def run():
        with queueing.turns.take():
            may_end.wait(30)
            closed.append("ran")

    Thread(target=run).start()
    until(lambda: queueing.turns._taken)
    queueing.ask("never")
    closing = Thread(target=lambda: queueing.turns.close() or closed.append("closed"))
    closing.start()
    until(lambda: queueing.turns._closed)
    may_end.set()
    closing.join(30)

    assert closed == ["ran", "closed"]
    assert queueing.had == []


RUNS_AT_THE_END = """
import sys
import time
from threading import Event, Thread
from explorer.bundle import open_bundle
from explorer.inference.encoder import EncoderModel

model, begun = EncoderModel(open_bundle(sys.argv[1])), Event()
batch = [model.encode("good " * 30)] * 1000

def run():
    while True:
        begun.set()
        model.answer(batch)

Thread(target=run, daemon=True).start()
begun.wait()
time.sleep(0.1)
"""


def test_a_program_that_ends_while_a_graph_runs_is_not_aborted(demo_folder, tiny_folder):
    done = subprocess.run(
        [sys.executable, "-c", RUNS_AT_THE_END, str(tiny_folder)],
        env={**os.environ, "PYTHONPATH": str(demo_folder)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert (done.returncode, done.stderr) == (0, "")
