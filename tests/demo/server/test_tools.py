"""The endpoints as tools for agents, by the Model Context Protocol, and only where it is wanted."""

import importlib.util
import json
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

import app
from explorer.bundle import open_bundle

PATHS = ("gradio_api/mcp", "gradio_api/mcp/", "gradio_api/mcp/http", "gradio_api/mcp/schema")
HEADERS = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}


def message(method, **parameters):
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}


@pytest.fixture(scope="module")
def tools_url(copy_of_tiny, serve, skip_for_want):
    """A page that was started with --mcp."""
    if importlib.util.find_spec("mcp") is None:
        skip_for_want("needs mcp: pip install -r demo/requirements-mcp.txt")
    with serve([open_bundle(copy_of_tiny())], mcp=True) as address:
        yield address


@pytest.fixture
def session(tools_url):
    """Runs a function of an open session of MCP's own client."""
    import asyncio

    from mcp import ClientSession
    from mcp.client.streamable_http import streamable_http_client

    async def opened(use):
        async with (
            streamable_http_client(f"{tools_url}gradio_api/mcp/") as (read, write, _),
            ClientSession(read, write) as client,
        ):
            await client.initialize()
            return await use(client)

    # In a thread of its own: a browser of the tests before has a loop running in this one.
    def run(use):
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(lambda: asyncio.run(opened(use))).result()

    return run


def test_every_endpoint_is_a_tool_that_its_docstring_describes(session, tools_url, ask_at):
    listed = session(lambda client: client.list_tools()).tools
    _, info = ask_at(tools_url, "gradio_api/info", headers={})
    endpoints = json.loads(info)["named_endpoints"]

    assert {f"/{tool.name}" for tool in listed} == set(endpoints)
    for tool in listed:
        assert "Returns:" in tool.description
        parameters = endpoints[f"/{tool.name}"]["parameters"]
        assert ("Args:" in tool.description) == bool(parameters)
        assert list(tool.inputSchema["properties"]) == [one["parameter_name"] for one in parameters]


def test_a_tool_answers_as_its_endpoint_does(session):
    given = {"text": "Not bad at all, the story is great!", "label": "positive"}
    answer = session(lambda client: client.call_tool("occlusion", given))
    text = session(lambda client: client.call_tool("generate", {"text": "the film"}))

    assert not answer.isError
    assert json.loads(answer.content[0].text)["label"] == "positive"
    assert json.loads(text.content[0].text)["finished"] in (True, False)


@pytest.mark.parametrize(
    ("name", "given", "sentence"),
    [
        ("classify", {"text": " "}, "There is no text yet."),
        ("classify", {}, "text"),
        ("occlusion", {"text": "good", "label": "funny"}, "There is no class 'funny'"),
        ("nothing", {}, "nothing"),
    ],
)
def test_a_tool_that_cannot_answer_says_why(session, name, given, sentence):
    answer = session(lambda client: client.call_tool(name, given))

    assert answer.isError
    assert sentence in answer.content[0].text


def test_only_requests_that_are_answered_at_once_come_in(tools_url, ask_at):
    def ask(path, *rest, **named):
        return ask_at(tools_url, path, *rest, **named)

    status, answer = ask("gradio_api/mcp/", message("tools/list"), HEADERS)
    assert (status, "occlusion" in answer) == (200, True)
    assert ask("gradio_api/mcp/schema", method="GET", headers={})[0] == 200
    assert "MCP" in ask("gradio_api/mcp/", method="GET", headers={"Accept": "text/html"})[1]
    assert ask("gradio_api/mcp/", method="GET", headers={"Accept": "text/event-stream"})[0] == 405
    assert ask("gradio_api/mcp/", method="DELETE", headers={})[0] == 405
    assert ask("gradio_api/mcp/", b"x" * 1_000_001, HEADERS)[0] == 413
    assert ask("gradio_api/mcp/", b"[1]", HEADERS)[0] == 422
    call = message("tools/call", name="classify", arguments={"text": {"path": "/etc/passwd"}})
    assert ask("gradio_api/mcp/", call, HEADERS)[0] == 422
    for path in ("gradio_api/mcp/sse", "gradio_api/mcp/messages/", "gradio_api/upload"):
        assert ask(path, message("tools/list"), HEADERS)[0] == 404


@pytest.mark.parametrize("path", PATHS)
def test_a_page_without_tools_has_nothing_there(url, ask_at, path):
    assert ask_at(url, path, message("tools/list"), HEADERS)[0] == 404
    assert ask_at(url, path, method="GET", headers={})[0] == 404


def test_without_the_package_the_command_says_what_to_install(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "mcp", None)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)

    assert app.main(["--mcp"]) == 2
    assert "pip install -r requirements-mcp.txt" in capsys.readouterr().err
