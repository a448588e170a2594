"""gradio's queue, for readers who left, never came, or do not keep up.

Whoever posts a request is to fetch its messages at once: the page and gradio's clients do, and a
person with two commands has some seconds. gradio itself would do the work for nobody, keep its
messages for ever, and turn others away meanwhile.

Each kind of work has its own line. Requests whose messages somebody fetches go before
those whose messages nobody does; of the latter a few are done on trust, and if nobody comes they
end. Several methods here stand in for gradio's own: `tests/demo/server/test_attended_queue.py` says
what they promise.
"""

import asyncio
import time
from contextlib import suppress
from typing import Any, cast

import fastapi
import gradio as gr
from gradio.block_function import BlockFunction
from gradio.data_classes import PredictBodyInternal
from gradio.queueing import Event, EventQueue, Queue
from gradio.server_messages import (
    EstimationMessage,
    EventMessage,
    HeartbeatMessage,
    ProcessCompletedMessage,
    ProcessGeneratingMessage,
    ProgressMessage,
)
from gradio.utils import LRUCache, run_coro_in_background

from explorer.server import request_log

LONGEST_LINE = 32
"""Requests that wait in one line; more are turned away."""
GRACE = 30.0
"""Seconds within which somebody must fetch the messages of a request; in a crowd on a slow machine
also clients need some before they do."""
_HASTE = 5.0
"""Seconds after which a request that nobody fetched loses its place where a line is full, or its
turn to somebody who waits: a crowd that comes at once takes some of them to fetch."""
_ON_TRUST = 4
"""So many requests are begun before anybody fetched: what they answer is kept for whoever comes."""
_KEPT = 60.0
"""Seconds for which an answer is kept that nobody fetches."""
_ROUND = 1.0
"""Seconds between two looks for what nobody waits for."""
_FAREWELL = 0.2
"""Seconds in which last messages go out before the page stops ..."""
_LONGEST_FAREWELL = 1.0
"""... and that a page takes for them which is busy itself."""
_UNREAD = 16
"""Messages of a session that lie there before those are dropped that the next one makes void."""
_ROOM = 64_000_000
"""Bytes that all messages may take which nobody fetched, by their estimate; else oldest go."""
_NUMBER, _TEXT = 32, 60
"""Bytes of a number in a list, and of a string beside its characters."""

_NEVER = float("-inf")

ENDED = (
    "Nobody fetched the messages of this request in time, so it was ended. "
    "Post it again, and fetch them at once: GET /gradio_api/call/<endpoint>/<event_id>."
)
MADE_ROOM = (
    "This answer lay unfetched while others needed its room, so it was dropped. "
    "Post the request again, and fetch its messages at once."
)
STOPPED = "The page was stopped; ask again in a moment."
BUSY = f"The page is busy: {LONGEST_LINE} requests wait already. Try again in a moment."


class Mailbox(asyncio.Queue):
    """The messages of one session that were not fetched yet. Knows when somebody last did."""

    def __init__(self) -> None:
        super().__init__()
        self._fetching = 0
        self._fetched = _NEVER
        self.filled = time.monotonic()
        """When the last message came."""
        self.bytes = 0
        """What the messages take, as `_size` estimates it."""

    async def get(self) -> EventMessage:
        """As gradio asks for the next message, again and again while somebody listens."""
        self._fetching += 1
        try:
            return await super().get()
        finally:
            self._fetching -= 1
            self._fetched = time.monotonic()

    def _put(self, item: EventMessage) -> None:
        self.filled = time.monotonic()
        size = _size(getattr(item, "output", None))
        self.bytes += size
        super()._put((item, size))

    def _get(self) -> EventMessage:
        item, size = super()._get()
        self.bytes -= size
        return item

    def empty_out(self) -> list[str | None]:
        """Drops all messages; gives the events whose last one was among them."""
        dropped = [self.get_nowait() for _ in range(self.qsize())]
        return [one.event_id for one in dropped if isinstance(one, ProcessCompletedMessage)]

    @property
    def is_awaited(self) -> bool:
        """Whether somebody waits for the next message."""
        return self._fetching > 0

    @property
    def fetched(self) -> float:
        """When somebody last asked for a message: now, if they wait for one."""
        return time.monotonic() if self._fetching else self._fetched


class _Mailboxes(LRUCache):
    """By session. Too many of them, and the one goes in which nothing happened for longest."""

    def __setitem__(self, session: str, messages: asyncio.Queue) -> None:
        if session not in self and len(self) >= self.max_size:
            # Not the one that was fetched least lately: a new one was not fetched yet.
            oldest = min(self, key=lambda one: max(self[one].fetched, self[one].filled))
            del self[oldest]
        super().__setitem__(session, Mailbox())

    def __delitem__(self, session: str) -> None:
        """gradio drops one when its reader leaves; it may have gone before."""
        if session in self:
            super().__delitem__(session)


class AttendedQueue(Queue):
    """The lines of a page, to be put in place of its queue before it is launched."""

    def __init__(self, page: gr.Blocks) -> None:
        super().__init__(
            live_updates=True,
            concurrency_count=page.max_threads,
            update_intervals=1,
            max_size=None,  # each line has its own end
            blocks=page,
            default_concurrency_limit=1,
        )
        self.pending_messages_per_session = _Mailboxes(self.pending_messages_per_session.max_size)
        self.ANALYTICS_MAX_EVENTS = 1
        self._loop: asyncio.AbstractEventLoop | None = None
        self._trusted: list[Event] = []
        self._outcomes: dict[str, str] = {}
        """What came of the events that end just now, by their ids."""

    def start(self) -> None:
        super().start()
        run_coro_in_background(self._end_what_nobody_wants)

    def compute_analytics_summary(self, records: Any) -> dict:
        """None: the page shows no statistics, and gradio would make them anew after every event."""
        return self.cached_event_analytics_summary

    async def push(
        self, body: PredictBodyInternal, request: fastapi.Request, username: str | None
    ) -> tuple[bool, Any, Any]:
        index = body.fn_index  # gradio's routes look up that of an endpoint's name
        handler: BlockFunction | None = None if index is None else self.blocks.fns.get(index)
        line = self.event_queue_per_concurrency_id.get(handler.concurrency_id) if handler else None
        if line and len(line.queue) >= LONGEST_LINE and not await self._make_room(line):
            return False, BUSY, "queue_full"
        return await super().push(body, request, username)

    def get_events(self) -> tuple[list[Event], bool, str] | None:
        for name, line in self.event_queue_per_concurrency_id.items():
            if line.concurrency_limit and line.current_concurrency >= line.concurrency_limit:
                continue
            line.queue.sort(key=lambda event: not self._is_attended(event))
            if line.queue and self._may_begin(line.queue[0]):
                return [line.queue.pop(0)], False, name
        return None

    async def process_events(
        self, events: list[Event], batch: bool, begin_time: float, fn: BlockFunction
    ) -> None:
        began = time.monotonic()
        await super().process_events(events, batch, begin_time, fn)
        asked = f"/{fn.api_name}" if fn.api_visibility == "public" else f"page: {fn.name}"
        for event in events:
            outcome = self._outcomes.pop(event._id, "left")
            waited, took = began - event.enqueue_time, time.monotonic() - began
            request_log.tell(outcome, asked=asked, waited=waited, took=took)

    def send_message(self, event: Event, event_message: EventMessage) -> None:
        if event.alive and isinstance(event_message, ProcessCompletedMessage):
            self._outcomes[event._id] = _outcome(event_message)
        messages = self.pending_messages_per_session.get(event.session_hash)
        if messages is None:
            return
        if messages.qsize() < _UNREAD or not _is_made_void(event, event_message):
            super().send_message(event, event_message)
            self._keep_within_room(messages)

    def owes(self, event_id: str) -> bool:
        """Whether a request that was posted without a session has messages to come, or there."""
        messages = self.pending_messages_per_session.get(event_id)
        is_pending = event_id in self.pending_event_ids_session.get(event_id, ())
        return messages is not None and (is_pending or not messages.empty())

    def _keep_within_room(self, latest: Mailbox) -> None:
        """Drops what was left lying longest, the latest at last: whoever comes late is told why."""
        boxes = cast(dict[str, Mailbox], self.pending_messages_per_session)
        over = sum(one.bytes for one in boxes.values()) - _ROOM
        if over <= 0:
            return
        left = [one for one in boxes if boxes[one].bytes and not boxes[one].is_awaited]
        for session in sorted(left, key=lambda one: (boxes[one] is latest, boxes[one].filled)):
            if over > 0:
                over -= boxes[session].bytes
                self._drop(session)

    def _drop(self, session: str) -> None:
        """Ends what is under way for a session, too: its next messages build on those dropped."""
        messages = cast(Mailbox, self.pending_messages_per_session[session])
        ended = messages.empty_out()
        for event in self.event_ids_to_events.values():
            if event.session_hash == session and event.alive and event._id not in ended:
                event.alive = False
                ended.append(event._id)
        for one in ended:
            messages.put_nowait(
                ProcessCompletedMessage(output={"error": MADE_ROOM}, success=False, event_id=one)
            )

    def _fetched(self, event: Event) -> float:
        messages = self.pending_messages_per_session.get(event.session_hash)
        return _NEVER if messages is None else messages.fetched

    def _is_attended(self, event: Event) -> bool:
        return time.monotonic() - self._fetched(event) < GRACE

    def _is_abandoned(self, event: Event) -> bool:
        latest = max(self._fetched(event), event.enqueue_time)
        return time.monotonic() - latest >= (_HASTE if self._is_in_the_way(event) else GRACE)

    def _is_in_the_way(self, event: Event) -> bool:
        """Whether it is under way while somebody waits for their turn in the same line."""
        line = self.event_queue_per_concurrency_id[event.concurrency_id].queue
        return event not in line and any(map(self._is_attended, line))

    def _may_begin(self, event: Event) -> bool:
        if self._is_attended(event):
            return True
        self._trusted = [
            one
            for one in self._trusted
            if one.session_hash in self.pending_messages_per_session and not self._is_attended(one)
        ]
        if len(self._trusted) >= _ON_TRUST:
            return False
        self._trusted.append(event)
        return True

    async def _make_room(self, line: EventQueue) -> bool:
        """Takes the place of the request that has waited longest without anybody's fetching."""
        now = time.monotonic()
        for event in sorted(line.queue, key=lambda one: one.enqueue_time):
            if now - event.enqueue_time >= _HASTE and not self._is_attended(event):
                await self._end(event)
                return True
        return False

    def end_all(self) -> None:
        """Tells whoever waits that the page stops, from another thread than the page's: gradio
        would hand them what Python prints of a task that was cancelled."""
        if self._loop is not None:
            with suppress(TimeoutError):
                asyncio.run_coroutine_threadsafe(self._end_each(), self._loop).result(
                    _LONGEST_FAREWELL
                )

    async def _end_each(self) -> None:
        for event in list(self.event_ids_to_events.values()):
            if event.alive:
                await self._end(event, STOPPED)
        await asyncio.sleep(_FAREWELL)

    async def _end_what_nobody_wants(self) -> None:
        self._loop = asyncio.get_running_loop()
        while not self.stopped:
            await asyncio.sleep(_ROUND)
            for event in list(self.event_ids_to_events.values()):
                if event.alive and self._is_abandoned(event):
                    await self._end(event)
            self._drop_old_messages()

    async def _end(self, event: Event, why: str = ENDED) -> None:
        """Takes it from its line, or has it end at its next step; who comes late is told why."""
        await self.clean_events(event_id=event._id)
        messages = self.pending_messages_per_session.get(event.session_hash)
        if messages is not None:
            messages.put_nowait(
                ProcessCompletedMessage(output={"error": why}, success=False, event_id=event._id)
            )

    def _drop_old_messages(self) -> None:
        """Of sessions for which nothing is done any more."""
        busy = {event.session_hash for event in self.event_ids_to_events.values()}
        oldest = time.monotonic() - _KEPT
        for session, messages in list(self.pending_messages_per_session.items()):
            if session not in busy and max(messages.fetched, messages.filled) < oldest:
                del self.pending_messages_per_session[session]
        for session in self.pending_event_ids_session.keys() - busy:
            if session not in self.pending_messages_per_session:
                del self.pending_event_ids_session[session]


def _outcome(message: ProcessCompletedMessage) -> str:
    """As `request_log.tell` takes it."""
    if message.success:
        return "answered"
    return "refused" if message.output.get("error") else "failed"


def _size(value: Any) -> int:
    """About how many bytes a message's values take. Lists of numbers are not looked through."""
    if isinstance(value, str):
        return _TEXT + len(value)
    if isinstance(value, dict):
        return sum(_TEXT + _size(one) for one in value.values())
    if isinstance(value, list | tuple):
        if value and isinstance(value[0], float | int):
            return _NUMBER * len(value)
        return sum(map(_size, value))
    return _NUMBER


def _is_made_void(event: Event, message: EventMessage) -> bool:
    """Whether the next message of its kind says all that this one says."""
    if isinstance(message, ProcessGeneratingMessage):
        return event.data is not None and event.data.simple_format  # else they are differences
    return isinstance(message, EstimationMessage | ProgressMessage | HeartbeatMessage)
