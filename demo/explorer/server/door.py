"""Stands before gradio: lets through what the page needs, and refuses the rest in a sentence.

Gradio's server has some sixty routes, of which the page uses twenty. Others take uploads, fetch
what a stranger names, or write a visitor's texts to disk. So only known routes are open; that of
agents' tools (MCP) only where the page was started with them. And what comes in is read once, here,
before anything waits for it: its size, its shape, and that it names no file, which gradio would
fetch or copy before our own code sees it. A program's arguments come by place or by name, the rest
by default.
"""

import asyncio
import json
import re
from collections.abc import Awaitable, Mapping
from functools import cached_property
from typing import Any, TypeVar, cast
from urllib.parse import parse_qs

import gradio as gr
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from explorer.errors import RequestError
from explorer.server import request_log
from explorer.server.attended_queue import AttendedQueue


class Endpoints:
    """The endpoints of a page, and what they take."""

    def __init__(self, page: gr.Blocks) -> None:
        self._page = page

    def complete(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """A call with every argument of its endpoint, from one that leaves out what has a default.

        Args:
            path: what stands after `/call/`: a name, or `v2/` and a name.
            body: of a call by place `{"data": [...]}`; of the other kind the arguments by name.

        Raises:
            RequestError: no such endpoint, too many arguments, or too few.
        """
        by_name = path.startswith("v2/")
        name = path.removeprefix("v2/")
        parameters = self._parameters.get(name)
        if parameters is None:
            known = ", ".join(f"/{known}" for known in self._parameters)
            raise RequestError(f"There is no endpoint of this name; this page has {known}.")
        names = list(parameters)
        if by_name:
            given = body
        else:
            data = body.get("data")
            if not isinstance(data, list):
                raise RequestError(
                    f'Send the arguments of /{name} as a list, {{"data": [...]}}: '
                    f"{', '.join(names)}."
                )
            given = dict(zip(names, data, strict=False))
            if len(data) > len(names):
                raise RequestError(
                    f"/{name} takes {len(names)} arguments at most ({', '.join(names)}); "
                    f"{len(data)} were sent."
                )
        if not given.keys() <= parameters.keys():
            raise RequestError(f"/{name} takes these arguments alone: {', '.join(names)}.")
        values = {**parameters, **given}
        missing = [one for one, value in values.items() if value is _REQUIRED]
        if missing:
            raise RequestError(f"/{name} needs a value for {', '.join(missing)}.")
        return values if by_name else {"data": list(values.values())}

    @cached_property
    def _parameters(self) -> dict[str, dict[str, Any]]:
        """The arguments of each endpoint, in order, with their defaults."""
        return {
            name.removeprefix("/"): {
                one["parameter_name"]: one["parameter_default"]
                if one["parameter_has_default"]
                else _REQUIRED
                for one in about["parameters"]
            }
            for name, about in self._page.get_api_info()["named_endpoints"].items()
        }


_REQUIRED = object()


MAX_BYTES = 1_000_000
"""Of a request. Two texts of 10,000 emoji, each escaped, take a quarter of it."""
_MAX_DEPTH, _MAX_DISCARDED = 100, 20_000_000
_PATIENCE = 30.0
"""Seconds that a request's body may take to come."""
_MAX_BODIES = 64
"""Requests whose bodies come in at one time: 64 MB."""
_MAX_PATH, _MAX_NAME = 1000, 255
"""Characters of an address and bytes of a part of it: no file's name is longer."""

_READ = re.compile(
    r"/(|config/?|theme\.css|favicon\.ico|robots\.txt|manifest\.json|login_check/?)"
    r"|/(static|assets|svelte)/.*"
    r"|/gradio_api/(info/?|app_id/?|user/?|theme\.css|startup-events|queue/status)"
    r"|/gradio_api/(queue/data|heartbeat/[^/]*|call/.*)"
)
_SENT = re.compile(r"/gradio_api/(queue/join|call/.*|cancel|reset/?)")
_TOOLS = re.compile(r"/gradio_api/mcp(/|/http/?)?")
"""Where agents speak MCP by streamable HTTP: each request is a POST that is answered. The older
way, by a stream that stands open, is shut."""
_TOOLS_TOLD = re.compile(r"/gradio_api/mcp/schema")

_FETCHED = re.compile(r"/gradio_api/call/(?:v2/)?[^/]+/([^/]+)")
_FIELDS: dict[str, dict[str, type]] = {
    "cancel": {"session_hash": str, "fn_index": int, "event_id": str},
    "reset": {"event_id": str},
}

Read = TypeVar("Read")

_JOIN = ("data", "event_data", "fn_index", "session_hash", "trigger_id")
"""What a page's event says; other fields are for servers of other kinds."""


_UNKNOWN = (
    "There is nothing to fetch here: this was never asked for, or was fetched already, or too long "
    "ago. Post the request again."
)
_HOW_TO_CALL = (
    "An endpoint is asked by POST; its answer is then fetched by "
    "GET /gradio_api/call/<endpoint>/<event_id>."
)


class RefusedError(Exception):
    """A request that goes no further, as an HTTP status and a sentence."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class Door:
    """A layer of the server, as Starlette calls it.

    Args:
        serves_tools: whether agents may call the endpoints as tools, by MCP.
    """

    def __init__(self, app: ASGIApp, page: gr.Blocks, *, serves_tools: bool = False) -> None:
        self._app = app
        self._serves_tools = serves_tools
        self._page = page
        self._endpoints = Endpoints(page)
        self._bodies = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            if self._serves_tools and _TOOLS.fullmatch(scope["path"]):
                receive = await self._tool_call(scope, receive)
            elif scope["method"] == "POST" and _SENT.fullmatch(scope["path"]):
                receive = await self._checked(scope, receive)
            elif self._serves_tools and _TOOLS_TOLD.fullmatch(scope["path"]):
                _check_is_read(scope)
            elif scope["method"] not in ("GET", "HEAD") or not _is_read(scope["path"]):
                await _in_time(_discard(receive))
                raise RefusedError(404, "This page has nothing at this address.")
            else:
                self._check_fetched(scope)
        except RefusedError as error:
            request_log.tell("shut", status=error.status)
            end = {"Connection": "close"} if error.status == 408 else None  # more may come
            answer = JSONResponse({"detail": str(error)}, error.status, end)
            await answer(scope, receive, send)
            return
        await self._app(scope, receive, send)

    async def _tool_call(self, scope: Scope, receive: Receive) -> Receive:
        """What an agent sends; which tool it calls, and with what, MCP's own server and then the
        endpoint check. A browser gets a page that says how to connect."""
        if scope["method"] == "POST":
            body = _parsed(await self._body(scope, receive))
            return _once(json.dumps(body).encode(), receive)
        _check_is_read(scope)
        return receive

    async def _checked(self, scope: Scope, receive: Receive) -> Receive:
        """The request's body, checked and written anew: what gradio reads is what was checked."""
        body = _parsed(await self._body(scope, receive))
        path = scope["path"].rstrip("/")
        try:
            if "/call/" in path:
                body = self._endpoints.complete(path.partition("/call/")[2], body)
            elif path.endswith("/join"):
                body = self._event(body)
            else:
                _check_fields(body, _FIELDS[path.rpartition("/")[2]])
        except RequestError as error:
            raise RefusedError(422, str(error)) from error
        return _once(json.dumps(body).encode(), receive)

    async def _body(self, scope: Scope, receive: Receive) -> bytes:
        """A request's body. Raises RefusedError: one of too many, or too slow, too."""
        if self._bodies >= _MAX_BODIES:
            raise RefusedError(503, "The page is busy: many requests come in. Try again soon.")
        self._bodies += 1
        try:
            return await _in_time(_body(scope, receive))
        finally:
            self._bodies -= 1

    def _check_fetched(self, scope: Scope) -> None:
        """Raises RefusedError: messages are asked for of a session that has none. Gradio would
        answer, break off, and log a hundred lines."""
        queue, path = cast(AttendedQueue, self._page._queue), scope["path"]
        found = _FETCHED.fullmatch(path)
        if path == "/gradio_api/queue/data":
            asked = parse_qs(scope["query_string"].decode("latin-1")).get("session_hash")
            if not asked:
                raise RefusedError(422, "Say whose messages: ?session_hash=, as it was posted.")
            session = asked[-1]
        elif found:
            event = session = found[1]
            for one, events in queue.pending_event_ids_session.items():
                if event in events:
                    session = one
        elif path.startswith("/gradio_api/call/"):
            raise RefusedError(405, _HOW_TO_CALL)
        else:
            return
        messages = queue.pending_messages_per_session.get(session)
        # Of an answer that was fetched, gradio would wait for more for a minute.
        if messages is None or (found and session == event and not queue.owes(event)):
            raise RefusedError(404, _UNKNOWN)

    def _event(self, body: dict[str, Any]) -> dict[str, Any]:
        """An event of the page. Raises RequestError: the page has none like it."""
        session, index, data = body.get("session_hash"), body.get("fn_index"), body.get("data")
        if not isinstance(session, str) or not re.fullmatch(r"[\w-]{1,64}", session, re.ASCII):
            raise RequestError("session_hash is no name of a session: 1 to 64 letters or digits.")
        event = self._page.fns.get(index) if type(index) is int else None
        if event is None or not event.fn:
            raise RequestError("There is no event of this fn_index. Load the page again.")
        if not isinstance(data, list) or len(data) != len(event.inputs):
            raise RequestError(f"data is no list of the event's {len(event.inputs)} values.")
        if type(trigger := body.get("trigger_id")) not in (int, type(None)):
            raise RequestError(f"trigger_id is a {type(trigger).__name__}; expected an integer.")
        return {name: body[name] for name in _JOIN if name in body}


def _check_is_read(scope: Scope) -> None:
    """Raises RefusedError: no plain GET, but a stream that would stand open, or another method."""
    accepted = dict(scope["headers"]).get(b"accept", b"")
    if scope["method"] not in ("GET", "HEAD") or b"text/event-stream" in accepted:
        raise RefusedError(405, "Tools are called by POST, and answered at once.")


def _is_read(path: str) -> bool:
    """Whether something may stand at an address, which may become a file's name."""
    names = [name.encode("utf-8", "replace") for name in path.split("/")]
    fits = len(path) <= _MAX_PATH and all(len(name) <= _MAX_NAME for name in names)
    goes_up = ".." in path.split("/") or "//" in path
    return fits and not goes_up and path.isprintable() and _READ.fullmatch(path) is not None


def _check_fields(body: dict[str, Any], fields: Mapping[str, type]) -> None:
    """Raises RequestError: a value is missing, or of another type."""
    for name, kind in fields.items():
        if type(body.get(name)) is not kind:
            wanted = ", ".join(f"{one} ({type_.__name__})" for one, type_ in fields.items())
            raise RequestError(f"{name} is missing or no {kind.__name__}; expected {wanted}.")


async def _in_time(reading: Awaitable[Read]) -> Read:
    """Raises RefusedError: it takes too long."""
    try:
        return await asyncio.wait_for(reading, _PATIENCE)
    except TimeoutError as error:
        raise RefusedError(
            408, f"The request did not come whole within {_PATIENCE:.0f} seconds. Send it again."
        ) from error


async def _body(scope: Scope, receive: Receive) -> bytes:
    """All of a request's body. Raises RefusedError: no JSON, or too much of it."""
    headers = {name.lower(): value for name, value in scope["headers"]}
    kind = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    if kind != b"application/json":
        await _discard(receive)
        raise RefusedError(415, "Send JSON, with the header Content-Type: application/json.")
    parts, size = [], int(headers.get(b"content-length", b"0"))
    while size <= MAX_BYTES:
        message = await receive()
        if message["type"] != "http.request":
            raise RefusedError(400, "The request ended before its body did.")
        parts.append(message.get("body", b""))
        size = sum(map(len, parts))
        if not message.get("more_body"):
            return b"".join(parts)
    await _discard(receive)
    raise RefusedError(413, f"The request is larger than {MAX_BYTES:,} bytes. Send less text.")


async def _discard(receive: Receive) -> None:
    """Reads on without keeping it: who still sends would not see the answer."""
    size = 0
    while size <= _MAX_DISCARDED:
        message = await receive()
        size += len(message.get("body", b""))
        if not message.get("more_body"):
            return


def _parsed(body: bytes) -> dict[str, Any]:
    """What a request's JSON says. Raises RefusedError."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:  # ValueError also: integers of 4,301 digits
        raise RefusedError(400, "The request is no JSON that can be read.") from error
    if not isinstance(value, dict):
        raise RefusedError(
            422,
            'Send a JSON object, such as {"data": ["A sentence."]}; to /call/v2/ one of values by '
            "their names.",
        )
    _check_contents(value)
    return value


def _check_contents(value: Any) -> None:
    """Raises RefusedError: too deep, or with a path, by which gradio knows a file."""
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > _MAX_DEPTH:
            raise RefusedError(422, f"The request is nested deeper than {_MAX_DEPTH} levels.")
        parts: list[Any] = []
        for one in level:
            if isinstance(one, Mapping):
                if "path" in one:
                    raise RefusedError(422, "This page takes no files, and fetches none.")
                parts += one.values()
            elif isinstance(one, list):
                parts += one
        level = parts


def _once(body: bytes, receive: Receive) -> Receive:
    """Gives a body that was read already, then what the connection says."""
    unread = [body]

    async def again() -> Message:
        if unread:
            return {"type": "http.request", "body": unread.pop(), "more_body": False}
        return await receive()

    return again
