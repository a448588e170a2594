"""A Space is tried as its host would: what is asked of it, what is told, and what is no success."""

import importlib.util
import json
import shutil
import socket
import struct
import sys
import threading
from pathlib import Path
from urllib.parse import urlsplit

import pytest

import build_space
from hosting import checking, page_kinds, static_check, static_kind
from hosting.build import check_space
from hosting.checking import Start, check_page
from hosting.folder import SpaceError
from hosting.kinds import KINDS

PAGE = """
import json, os, sys
from http.server import BaseHTTPRequestHandler, HTTPServer
print("a page of a test", flush=True)
if os.environ["MODE"] == "stops":
    sys.exit(3)
WORDS = [{"parameter_name": "text", "parameter_has_default": False},
         {"parameter_name": "layer", "parameter_has_default": True}]
class Page(BaseHTTPRequestHandler):
    def say(self, text):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(text.encode())
    def do_GET(self):
        if self.path == "/gradio_api/info":
            takes = {"/classify": WORDS, "/health": []}
            said = {name: {"parameters": those} for name, those in takes.items()}
            self.say(json.dumps({"named_endpoints": said}))
        elif self.path == "/health":
            self.say("well")
        else:
            end = "error" if os.environ["MODE"] == "fails" else "complete"
            well = str(os.environ["MODE"] != "is not well").lower()
            self.say("event: " + end + '\\ndata: [{"well": ' + well + '}]\\n')
    def do_POST(self):
        given = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        assert list(given) == ["text"] * ("classify" in self.path)
        assert os.environ["HOME"].endswith("home")
        assert os.environ["TMPDIR"].endswith("temporary")
        self.say(json.dumps({"event_id": "7"}))
HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Page).serve_forever()
"""
HEALTH = "import urllib.request as ask; ask.urlopen('http://127.0.0.1:{port}/health')"


@pytest.fixture
def check(tmp_path, monkeypatch):
    """Tries a page of a few lines, in this environment."""

    def here(environment: Path, copy: Path, pins: tuple[str, ...]) -> Path:
        environment.mkdir()
        return Path(sys.executable)

    monkeypatch.setattr(checking, "_install", here)
    (tmp_path / "app.py").write_text(PAGE)

    def run(mode):
        variables = {"MODE": mode, "PORT": "{port}"}
        start = Start(install=(), command=("app.py",), variables=variables, health=("-c", HEALTH))
        return check_page(tmp_path, start)

    return run


def test_every_endpoint_is_asked_and_what_it_took_is_told(check, tmp_path):
    found = check("well")

    assert list(found["endpoints, seconds"]) == ["/classify", "/health"]
    assert found["start to first answer, seconds"] > 0
    assert [path.name for path in tmp_path.iterdir()] == ["app.py"], "it ran in a copy"


@pytest.mark.parametrize(
    ("mode", "said"),
    [
        ("stops", "stopped with code 3"),
        ("fails", "/classify did not answer"),
        ("is not well", "The page says that it is not well"),
    ],
)
def test_a_space_that_does_not_run_says_what_it_said(check, mode, said):
    with pytest.raises(SpaceError, match=f"{said}.*a page of a test"):
        check(mode)


def test_docker_is_tried_by_the_commands_of_its_file(monkeypatch, demo_folder, tmp_path):
    asked = []
    monkeypatch.setattr(page_kinds, "check_page", lambda folder, start: asked.append(start))
    page_kinds.fill_docker(tmp_path)

    page_kinds.check_docker(tmp_path)

    (start,) = asked
    assert start.install == ("--no-cache-dir", "--require-hashes", "-r", "requirements.lock")
    assert start.command == ("app.py",)
    assert start.variables["GRADIO_SERVER_NAME"] == "127.0.0.1"
    assert start.variables["GRADIO_SERVER_PORT"] == "{port}"
    assert "127.0.0.1:{port}/gradio_api/call/health" in start.health[1]
    compile(start.health[1], "health", "exec")
    lines = (tmp_path / "Dockerfile").read_text("utf-8").splitlines()
    assert lines.index("USER 1000") < lines.index('CMD ["python", "app.py"]')


def test_a_browser_that_is_not_there_is_missed_before_anything_is_built(
    tiny_folder, tmp_path, capsys, monkeypatch
):
    monkeypatch.setitem(sys.modules, "playwright.sync_api", None)
    command = [str(tiny_folder), "--out", str(tmp_path / "space"), "--sdk", "static", "--check"]

    assert build_space.main(command) == 2

    said = capsys.readouterr()
    assert said.err.startswith("This kind is tried in a browser: pip install playwright")
    assert said.out == ""
    assert list(tmp_path.iterdir()) == []


def test_a_browser_that_leaves_while_a_file_comes_is_nothing_to_print(tmp_path, capsys):
    (tmp_path / "graph.onnx").write_bytes(bytes(2**24))
    before = {*threading.enumerate()}
    with static_check.serve_files(tmp_path) as url:
        address = urlsplit(url)
        with socket.create_connection((address.hostname, address.port), timeout=10) as browser:
            browser.sendall(b"GET /graph.onnx HTTP/1.0\r\n\r\n")
            browser.recv(100)
            sending = [one for one in threading.enumerate() if one not in before]
            browser.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    for thread in sending:
        thread.join(10)

    assert capsys.readouterr().err == ""


@pytest.fixture(scope="module")
def static_space(tmp_path_factory, tiny_folder, skip_for_want):
    if not (static_kind._NODE / "@huggingface/tokenizers").is_dir():
        skip_for_want("needs the packages of node: npm install --prefix export/node")
    if not importlib.util.find_spec("playwright"):
        skip_for_want("needs a browser: pip install playwright && playwright install chromium")
    folder = tmp_path_factory.mktemp("static") / "space"
    build_space.build_space(tiny_folder, folder, KINDS["static"])
    return folder


@pytest.mark.slow
def test_a_built_page_without_a_server_is_opened_compared_and_opened_without_a_network(
    static_space,
):
    found = check_space(static_space, KINDS["static"], build_space._answered)

    assert float(found["a row of a map differs from onnxruntime's by, on average"]) < 0.04
    assert float(found["rows sum to 1 within"]) < 1e-5
    assert found["written"]
    assert found["requests, all of them to its own host"] > 30
    assert found["most memory of one of the browser's processes, MB"] > 50
    assert json.loads(static_space.with_name("space.check.json").read_text("utf-8")) == found


@pytest.mark.slow
@pytest.mark.parametrize("task", ["tag", "answer", "fill", "embed"])
def test_a_page_of_another_task_and_without_examples_is_compared_too(
    static_space, task_bundles, tmp_path, task
):
    folder = tmp_path / "space"
    build_space.build_space(task_bundles[task].folder, folder, KINDS["static"], examples=False)

    found = check_space(folder, KINDS["static"], build_space._answered)

    assert float(found["a row of a map differs from onnxruntime's by, on average"]) < 1e-5
    assert "written" not in found


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "by", "said"),
    [
        ("index.html", ("<main>", '<main><img src="//other.test/a">'), "other.test"),
        ("static/page/main.js", ("start().catch", "nothing().catch"), "nothing is not defined"),
        ("static/model/engine.js", ("found[name].data)", "found[names[0]].data)"), "differ"),
    ],
)  # fmt: skip
def test_a_page_without_a_server_that_does_not_do_as_it_should_says_so(
    static_space, tmp_path, monkeypatch, file, by, said
):
    folder = tmp_path / "space"
    shutil.copytree(static_space, folder)
    page = folder / file
    assert by[0] in page.read_text("utf-8")
    page.write_text(page.read_text("utf-8").replace(*by), "utf-8")
    monkeypatch.setattr(static_check, "_WITHIN", 10_000)

    with pytest.raises(SpaceError, match=said):
        check_space(folder, KINDS["static"], build_space._answered)


@pytest.mark.slow
@pytest.mark.parametrize("sdk", ["gradio", "zerogpu", "docker"])
def test_a_built_space_runs_from_its_pins_alone(sdk, tiny_folder, tmp_path, capsys):
    out = tmp_path / "space"

    code = build_space.main([str(tiny_folder), "--out", str(out), "--sdk", sdk, "--check"])

    assert code == 0, capsys.readouterr().err
    assert "/classify" in capsys.readouterr().out
    found = json.loads((tmp_path / "space.check.json").read_text("utf-8"))
    assert found["packages installed, MB"] > 100
    assert {"/classify", "/occlusion", "/generate"} <= found["endpoints, seconds"].keys()
    assert not list(out.rglob("__pycache__"))
