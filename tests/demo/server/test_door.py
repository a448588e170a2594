"""What is refused before gradio sees it: files, uploads, other routes, bodies that are no calls."""

import json
import socket
import threading
from collections.abc import Iterator
from functools import partial

import pytest

from explorer.server import door

FILE = {"meta": {"_type": "gradio.FileData"}}
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def ask(url, ask_at):
    """Sends a request to the page; gives the status and the answer's text."""
    return partial(ask_at, url)


@pytest.fixture
def classify(ask):
    """Calls an endpoint in two steps, as a program without a client does; gives the last event."""

    def call(data, name="classify"):
        status, answer = ask(f"gradio_api/call/{name}", data)
        assert status == 200, answer
        _, stream = ask(f"gradio_api/call/{name}/{json.loads(answer)['event_id']}", method="GET")
        *_, kind, values = [line.partition(": ")[2] for line in stream.splitlines() if line]
        return kind, json.loads(values)

    return call


@pytest.fixture
def dripping() -> Iterator[tuple[str, list]]:
    """A server that never finishes an answer; its address, and who connected."""
    connected: list = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip():
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                connected.append(connection)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n.")

        threading.Thread(target=drip, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/x.png", connected
        server.shutdown(socket.SHUT_RDWR)
    for connection in connected:
        connection.close()


def test_the_server_fetches_nothing_that_a_request_names(ask, classify, dripping, handlers):
    address, connected = dripping
    file = {"path": address, **FILE}
    event = {"fn_index": handlers["text", "submit"], "session_hash": "abc"}
    refused = [
        ask("gradio_api/call/classify", {"data": [file]}),
        ask("gradio_api/call/classify", {"data": ["good", {"deep": [{**file, "url": address}]}]}),
        ask("gradio_api/call/v2/classify", {"text": file}),
        ask("gradio_api/queue/join", {**event, "data": [file] * 4}),
        ask("gradio_api/queue/join", {**event, "data": [None] * 4, "event_data": file}),
        ask(f"gradio_api/file={address}"),
        ask(f"gradio_api/file/{address}"),
        ask(f"gradio_api/proxy={address}"),
    ]

    kind, _ = classify({"data": ["good"]})  # another reader's

    assert kind == "complete"
    assert connected == []
    assert [status for status, _ in refused] == [422] * 5 + [404] * 3
    assert "This page takes no files, and fetches none." in refused[0][1]


@pytest.mark.parametrize("path", ["/etc/hostname", "app.py", "/proc/self/environ"])
def test_no_file_is_read_that_a_request_names(ask, path):
    for file in ({"path": path, **FILE}, {"path": path}, {"path": path, "meta": 3}):
        assert ask("gradio_api/call/classify", {"data": [file]})[0] == 422
    assert ask(f"gradio_api/file={path}")[0] == 404


@pytest.mark.parametrize("path", ["static/../app.py", "static//etc/passwd", "svelte/%2e%2e/a.js"])
def test_an_address_that_leads_out_of_a_folder_is_a_sentence(ask, path):
    assert ask(path) == (404, '{"detail":"This page has nothing at this address."}')


@pytest.mark.parametrize(
    ("path", "method"),
    [
        ("gradio_api/openapi.json", "GET"),
        ("svelte/" + "a" * 256, "GET"),
        ("svelte/" + "a/" * 1000, "GET"),
        ("static/a%00b", "GET"),
        ("gradio_api/upload", "POST"),
        ("gradio_api/upload/", "POST"),
        ("gradio_api/upload_progress?upload_id=a", "GET"),
        ("gradio_api/process_recording", "POST"),
        ("gradio_api/component_server", "POST"),
        ("gradio_api/run/classify", "POST"),
        ("gradio_api/api/classify", "POST"),
        ("gradio_api/deep_link?session_hash=abc", "GET"),
        ("gradio_api/custom_component/a/client/b/c.js", "GET"),
        ("gradio_api/stream/abc", "POST"),
        ("gradio_api/run-history/buckets", "GET"),
        ("monitoring/summary", "GET"),
        ("gradio_api/vibe-edit/", "POST"),
        ("login", "POST"),
        ("logout", "GET"),
        ("config", "DELETE"),
    ],
)
def test_a_route_that_the_page_does_not_need_is_shut(ask, path, method):
    body = b"--a\r\n\r\nx\r\n--a--" if method == "POST" else None

    status, answer = ask(path, body, {"Content-Type": "multipart/form-data; boundary=a"}, method)

    assert (status, json.loads(answer)) == (
        404, {"detail": "This page has nothing at this address."},
    )  # fmt: skip


def test_a_call_may_leave_out_what_has_a_default(classify):
    kind, (answer,) = classify({"data": ["Not bad at all."]})
    by_name = classify({"text": "Not bad at all."}, "v2/classify")

    assert kind == "complete"
    assert [one["text"] for one in answer["tokens"]][1:4] == ["Not", "bad", "at"]
    assert by_name == ("complete", [answer])


@pytest.mark.parametrize(
    ("path", "body", "sentence"),
    [
        ("classify", {"data": []}, "/classify needs a value for text."),
        ("classify", {"data": ["a"] * 9}, "takes 4 arguments at most (text, text_pair, bundle,"),
        ("classify", {"data": "good"}, "Send the arguments of /classify as a list"),
        ("classify", {"text": "good"}, "Send the arguments of /classify as a list"),
        ("v2/classify", {"texts": "good"}, "takes these arguments alone: text, text_pair,"),
        ("v2/classify", {}, "/classify needs a value for text."),
        ("clasify", {"data": ["good"]}, "There is no endpoint of this name; this page has /class"),
        ("begin", {"data": ["good"]}, "There is no endpoint of this name"),
        ("classify", ["good"], "Send a JSON object"),
    ],
)
def test_a_call_that_does_not_fit_gets_a_sentence(ask, capfd, path, body, sentence):
    status, answer = ask(f"gradio_api/call/{path}", body)

    assert status == 422
    assert sentence in json.loads(answer)["detail"]
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"session_hash": "a" * 1000}, "session_hash is no name of a session"),
        ({"session_hash": None}, "session_hash is no name of a session"),
        ({"session_hash": "\ud800"}, "session_hash is no name of a session"),
        ({"fn_index": 10**9}, "There is no event of this fn_index"),
        ({"fn_index": -1}, "There is no event of this fn_index"),
        ({"fn_index": True}, "There is no event of this fn_index"),
        ({"data": []}, "data is no list of the event's"),
        ({"data": {"a": 1}}, "data is no list of the event's"),
        ({"trigger_id": "x"}, "trigger_id is a str"),
        ({"trigger_id": {}}, "trigger_id is a dict"),
    ],
)
def test_a_forged_event_gets_a_sentence(ask, handlers, capfd, changes, sentence):
    event = {"fn_index": handlers["text", "submit"], "session_hash": "abc", "data": [None] * 4}

    status, answer = ask("gradio_api/queue/join", {**event, **changes})

    assert status == 422
    assert sentence in json.loads(answer)["detail"]
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("body", "status", "sentence"),
    [
        (b'{"data": ["' + b"a" * 1_000_000 + b'"]}', 413, "larger than 1,000,000 bytes"),
        (b"[" * 100_000, 400, "no JSON that can be read"),
        (b'{"data": [' + b"9" * 5000 + b"]}", 400, "no JSON that can be read"),
        (b'{"data": ' + b"[" * 200 + b"]" * 200 + b"}", 422, "nested deeper than 100 levels"),
        (b"\xff", 400, "no JSON that can be read"),
        (b"", 400, "no JSON that can be read"),
    ],
)
def test_a_body_that_is_no_call_gets_a_sentence(ask, capfd, body, status, sentence):
    found, answer = ask("gradio_api/call/classify", body)

    assert found == status
    assert sentence in json.loads(answer)["detail"]
    assert capfd.readouterr().err == ""


def test_two_texts_of_10_000_emoji_pass(classify):
    kind, (answer,) = classify({"data": ["😍" * 10_000, "😍" * 10_000]})

    assert kind == "complete"
    assert answer["tokens_left_out"] == 0  # one unknown word each


def test_a_body_that_is_not_called_json_is_refused(ask):
    status, answer = ask("gradio_api/call/classify", b'{"data": ["a"]}', {"Content-Type": "a/b"})

    assert status == 415
    assert "Content-Type: application/json" in answer


@pytest.mark.parametrize(
    "path", ["queue/data?session_hash=nobody", "call/classify/nope", "call/v2/classify/nope"]
)
def test_messages_that_are_not_there_are_a_sentence_and_no_log(ask, capfd, path):
    status, answer = ask(f"gradio_api/{path}")

    assert status == 404
    assert "There is nothing to fetch here" in json.loads(answer)["detail"]
    assert capfd.readouterr().err == ""


def test_an_answer_is_fetched_once(ask, capfd):
    event = json.loads(ask("gradio_api/call/classify", {"data": ["good"]})[1])["event_id"]
    assert "event: complete" in ask(f"gradio_api/call/classify/{event}")[1]

    status, answer = ask(f"gradio_api/call/classify/{event}")

    assert status == 404
    assert "was fetched already" in json.loads(answer)["detail"]
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("path", "body", "sentence"),
    [
        ("cancel", {}, "session_hash is missing or no str; expected session_hash (str), fn_ind"),
        ("cancel", {"session_hash": "a", "fn_index": "x"}, "fn_index is missing or no int"),
        ("reset", {"event_id": 3}, "event_id is missing or no str; expected event_id (str)."),
        ("queue/data", None, "Say whose messages: ?session_hash="),
    ],
)
def test_what_a_route_needs_is_told_in_a_sentence(ask, path, body, sentence):
    status, answer = ask(f"gradio_api/{path}", body)

    assert status == 422
    assert sentence in json.loads(answer)["detail"]


def slow(url):
    """Connects, and sends the first letter of a body of ten."""
    host, port = url.removeprefix("http://").rstrip("/").split(":")
    connection = socket.create_connection((host, int(port)), timeout=30)
    connection.sendall(
        b"POST /gradio_api/call/classify HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n"
        b"Content-Type: application/json\r\n\r\n{"
    )
    return connection


def test_a_body_that_does_not_come_is_given_up(url, monkeypatch):
    monkeypatch.setattr(door, "_PATIENCE", 0.05)

    with slow(url) as connection:
        answer = b"".join(iter(lambda: connection.recv(4096), b"")).decode()

    assert answer.startswith("HTTP/1.1 408")
    assert "did not come whole within" in answer


def test_few_bodies_come_in_at_a_time(url, ask, monkeypatch):
    monkeypatch.setattr(door, "_MAX_BODIES", 0)

    status, answer = ask("gradio_api/call/classify", {"data": ["good"]})

    assert status == 503
    assert "The page is busy" in json.loads(answer)["detail"]
