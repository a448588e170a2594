"""What the tests of the page share: a tiny bundle, readings of it, a served page, a browser.

Everything here runs with demo/requirements.txt and pytest alone. What needs more skips with the
command that installs it; under REQUIRE_ALL=1 such a skip is a failure.
"""

import base64
import json
import secrets
import shutil
import socket
import time
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from bundle_format.folder import list_files
from explorer.analyses.perturbation import Answers
from explorer.bundle import Bundle, open_bundle
from explorer.inference import encoder as encoder_module
from explorer.inference.cost import Throughput
from explorer.inference.encoder import EncoderModel
from explorer.writing import decoder as graph_module
from explorer.writing.prompt import PromptModel

TINY = Path(__file__).parent / "tiny_bundle"
FOREIGN = Path(__file__).parent / "foreign_decoder"
HEADS = Path(__file__).parent / "task_graphs"
DEMO = Path(__file__).parents[2] / "demo"
HOSTILE_PIECES = ("<img src=x onerror=alert(1)>", "${alert(1)}", "{{7*7}}", r"\u`")
JSON = {"Content-Type": "application/json"}
ONE_PROCESS = ("--process-per-site", "--disable-features=SpareRendererForSitePerProcess")
"""Halves what opening a page takes: its scripts are compiled once, no process waits idle."""
INSTALL_BROWSER = (
    "needs a browser: pip install playwright axe-playwright-python && playwright install chromium"
)


class SteadyThroughput(Throughput):
    """That of a machine which takes a microsecond for a token, whatever else runs beside it."""

    seconds = 1e-6


@pytest.fixture(scope="session", autouse=True)
def steady_throughput() -> Iterator[None]:
    """Gives every model this pace: what a plan holds must not hang on how fast a test ran."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encoder_module, "Throughput", SteadyThroughput)
        patch.setattr(graph_module, "Throughput", SteadyThroughput)
        yield


@pytest.fixture(scope="session")
def when_it_rests() -> Callable[[Callable[[], int]], int]:
    """Waits until a count has stood still for longer than one more would take, and gives it."""

    def wait(count: Callable[[], int], seconds: float = 1.2) -> int:
        known, since = count(), time.monotonic()
        while time.monotonic() - since < seconds:
            time.sleep(0.05)
            if count() != known:
                known, since = count(), time.monotonic()
        return known

    return wait


@pytest.fixture(scope="session")
def demo_folder() -> Path:
    return DEMO


@pytest.fixture(scope="session")
def tiny_folder() -> Path:
    return TINY


@pytest.fixture(scope="session")
def bundle() -> Bundle:
    return open_bundle(TINY)


@pytest.fixture(scope="session")
def model(bundle: Bundle) -> EncoderModel:
    return EncoderModel(bundle)


@pytest.fixture(scope="session")
def float_model() -> EncoderModel:
    """The tiny bundle in float32: 8-bit kernels round a batch otherwise than its texts alone."""
    return EncoderModel(open_bundle(TINY, "float32"))


@pytest.fixture(scope="session")
def copy_of_tiny(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Makes a copy of the tiny bundle with changed fields in its bundle.json."""

    def copy(**changes: Any) -> Path:
        folder = tmp_path_factory.mktemp("bundle") / "copy"
        shutil.copytree(TINY, folder)
        file = folder / "bundle.json"
        content = {**json.loads(file.read_text("utf-8")), **changes}
        file.write_text(json.dumps(content), encoding="utf-8")
        return folder

    return copy


@pytest.fixture(scope="session")
def endpoints_of() -> Callable[[Any], Any]:
    """Makes the endpoints of a page's models callable by their names."""
    from explorer.ui.programs.endpoints import endpoints

    def named(models: Any) -> Any:
        found = [endpoint for endpoint, _ in endpoints(models.bundles)]
        return SimpleNamespace(**{one.__name__: partial(one, models) for one in found})

    return named


@pytest.fixture(scope="session")
def page_of() -> Callable[[Any], Any]:
    """Makes a page of some models, whose handlers can be called; no server."""
    import gradio as gr

    from explorer.ui.page import Page

    def made(models: Any) -> Any:
        with gr.Blocks() as app:
            page = Page(models)
            page.wire(app)
        return page

    return made


@pytest.fixture(scope="session")
def answered() -> Callable[[Bundle, Any], Answers]:
    """Makes answers of the probabilities that they are to have."""

    def answer(bundle: Bundle, probabilities: Any) -> Answers:
        wanted = np.asarray(probabilities, np.float64)
        if bundle.problem_type == "regression":
            return Answers(bundle, wanted)
        shares = np.clip(wanted, 1e-300, None)
        other = np.clip(1 - wanted, 1e-300, None) if bundle.problem_type == "multi_label" else 1
        return Answers(bundle, np.log(shares / other) * bundle.temperature)

    return answer


@pytest.fixture(scope="session")
def unpacked() -> Callable[..., Any]:
    """Reads packed maps as a browser does: rows sum to 1."""

    def read(packed: str, shape: tuple[int, ...]) -> Any:
        codes = np.frombuffer(zlib.decompress(base64.b64decode(packed)), np.uint8)
        squares = codes.reshape(shape).astype(np.float32) ** 2
        return squares / np.maximum(squares.sum(axis=-1, keepdims=True), 1)

    return read


@pytest.fixture(scope="session")
def relist() -> Callable[[Path], None]:
    """Has a bundle's bundle.json list the files that are there now, as an export would."""

    def change(folder: Path) -> None:
        file = folder / "bundle.json"
        content = json.loads(file.read_text("utf-8"))
        file.write_text(json.dumps({**content, "files": list_files(folder)}), encoding="utf-8")

    return change


@pytest.fixture(scope="session")
def expected() -> dict[str, Any]:
    """The sizes of the foreign decoder, and what `transformers` writes with its weights."""
    return json.loads((FOREIGN / "decoder.json").read_text("utf-8"))


@pytest.fixture(scope="session")
def foreign(
    copy_of_tiny: Callable[..., Path],
    relist: Callable[[Path], None],
    expected: dict[str, Any],
) -> Bundle:
    """A bundle that only writes, with a decoder unlike the tiny one: see make_foreign_decoder.py.

    Some of the words that it writes would run, were they taken for more than text.
    """
    graphs = json.loads((TINY / "bundle.json").read_text("utf-8"))["graphs"]
    file = "onnx/foreign.onnx"
    folder = copy_of_tiny(
        title="Foreign",
        tasks=["generate"],
        graphs={
            "encode": graphs["classify"],
            "generate": {"float32": {"file": file}},
        },
        labels=None,
        problem_type=None,
        temperature=None,
        decoder={**expected, "examples": [{"text": "Not bad at all, the story is great!"}]},
    )
    shutil.copy(FOREIGN / "decoder.onnx", folder / file)
    shutil.copy(FOREIGN / "generation_config.json", folder / "decoder")
    tokenizer = json.loads((FOREIGN / "tokenizer.json").read_text("utf-8"))
    pieces = {index: piece for piece, index in tokenizer["model"]["vocab"].items()}
    pieces |= dict(zip((70, 146, 225, 99), HOSTILE_PIECES, strict=True))
    tokenizer["model"]["vocab"] = {piece: index for index, piece in pieces.items()}
    tokenizer["model"]["merges"] = []
    (folder / "decoder" / "tokenizer.json").write_text(json.dumps(tokenizer), encoding="utf-8")
    relist(folder)
    return open_bundle(folder, "float32")


@pytest.fixture(scope="session")
def demo_tests() -> Path:
    return TINY.parent


@pytest.fixture(scope="session")
def prompts() -> PromptModel:
    """What goes on from a prompt."""
    return PromptModel(open_bundle(TINY.parent / "prompt_bundle"))


@pytest.fixture(scope="session")
def second_layer(copy_of_tiny: Callable[..., Path], relist: Callable[[Path], None]) -> EncoderModel:
    """The tiny bundle with the maps of its second layer alone: see make_task_graphs.py."""
    file = "onnx/model.onnx"
    graphs = {"classify": {"float32": {"file": file}}}
    nothing = {"decoder": None, "tasks": ["classify"]}
    folder = copy_of_tiny(title="Second layer", graphs=graphs, map_layers=[1], **nothing)
    shutil.copy(HEADS / "second_layer.onnx", folder / file)
    relist(folder)
    return EncoderModel(open_bundle(folder))


TASKS: dict[str, dict[str, Any]] = {
    "tag": {
        "labels": ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"],
        "examples": [{"text": "Not bad at all, the story is great!"}],
    },
    "answer": {
        "examples": [
            {"text": "Was it good?", "text_pair": "The music was dull, the film is good."}
        ],
    },
    "fill": {"examples": [{"text": "The film is [MASK] and the [MASK] is great!"}]},
    "embed": {
        "pooling": {"mode": "mean", "normalize": True},
        "examples": [{"text": "The film is good.", "text_pair": "The story is great!"}],
    },
}
"""What the bundles of other tasks than a classifier's have of their own."""


@pytest.fixture(scope="session")
def task_bundles(
    copy_of_tiny: Callable[..., Path], relist: Callable[[Path], None]
) -> dict[str, Bundle]:
    """A bundle for each task of a model that reads and does not classify, by its name: the tiny
    encoder with another head. See make_task_graphs.py."""
    found = {}
    for task, own in TASKS.items():
        nothing = dict.fromkeys(("labels", "problem_type", "temperature", "decoder", "pooling"))
        graph = {"float32": {"file": "onnx/model.onnx"}}
        title = f"Tiny {task}"
        folder = copy_of_tiny(
            **{**nothing, **own, "title": title, "tasks": [task], "graphs": {task: graph}}
        )
        if task != "embed":
            shutil.copy(HEADS / f"{task}.onnx", folder / "onnx" / "model.onnx")
        relist(folder)
        found[task] = open_bundle(folder)
    return found


@pytest.fixture(scope="session")
def task_models(task_bundles: dict[str, Bundle]) -> dict[str, EncoderModel]:
    return {task: EncoderModel(bundle) for task, bundle in task_bundles.items()}


@pytest.fixture(scope="session")
def hostile() -> list[str]:
    """Texts that would run, break a page or a drawing, were they taken for more than text."""
    return [
        "${alert(1)}",
        "{{7*7}} {{constructor}}",
        r"\u \x \ `",
        "<img src=x onerror=alert(1)>",
        "</script><script>alert(1)</script>",
        "javascript:alert(1) \" onload='alert(1)'",
        "$$ $x^$ \\frac{",
        "\u202eright to left مرحبا",
        "😍 好电影 👩‍🚀",
        "film " * 2000,
    ]


@pytest.fixture(scope="session")
def url(
    bundle: Bundle, foreign: Bundle, copy_of_tiny: Callable[..., Path], serve: Callable[..., Any]
) -> Iterator[str]:
    """The address of a page with three models: the tiny one, which classifies and writes, a copy
    that calls itself Second and only classifies, and the foreign one, which only writes."""
    second = open_bundle(
        copy_of_tiny(title="Second", problem_type="multi_label", tasks=["classify"])
    )
    with serve([bundle, second, foreign]) as address:
        yield address


@pytest.fixture(scope="session")
def serve() -> Callable[..., Any]:
    """Serves a page for some bundles, with `launch`'s options: a context manager that gives its
    address."""
    import app

    @contextmanager
    def served(bundles, **options):
        page = app.build_app(bundles)
        # Workers that look for the first free port at once find the same one.
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        _, address, _ = app.launch(page, prevent_thread_lock=True, server_port=port, **options)
        yield address
        page.close(verbose=False)

    return served


@pytest.fixture(scope="session")
def ask_at() -> Callable[..., tuple[int, str]]:
    """Sends a request to an address, as JSON; gives the status and the answer's text."""

    def send(url, path, body=None, headers=JSON, method=None):
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        request = urllib.request.Request(f"{url}{path}", data, headers, method=method)
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    return send


@pytest.fixture(scope="session")
def handlers(url: str) -> dict[tuple[str, str], int]:
    """The numbers of the page's handlers by the element and the event they listen to."""
    with urllib.request.urlopen(f"{url}config") as response:
        config = json.load(response)
    names = {part["id"]: part["props"].get("elem_id") for part in config["components"]}
    return {
        (names.get(target), event): dependency["id"]
        for dependency in config["dependencies"]
        if dependency["backend_fn"]
        for target, event in dependency["targets"]
    }


@pytest.fixture(scope="session")
def forge(url: str, handlers: dict[tuple[str, str], int]) -> Callable[..., Any]:
    """Sends an event that no page sent; gives whether it succeeded, and what came back last."""

    def send(element, event, data, event_data=None):
        session = secrets.token_hex(8)
        body = {
            "data": data, "event_data": event_data, "session_hash": session,
            "fn_index": handlers[element, event], "trigger_id": None,
        }  # fmt: skip
        request = urllib.request.Request(
            f"{url}gradio_api/queue/join",
            json.dumps(body).encode(),
            {"Content-Type": "application/json"},
        )
        urllib.request.urlopen(request).close()
        with urllib.request.urlopen(f"{url}gradio_api/queue/data?session_hash={session}") as stream:
            for line in stream:
                message = json.loads(line.removeprefix(b"data: ")) if line.strip() else {}
                if message.get("msg") == "process_completed":
                    return message["success"], message["output"]
        raise AssertionError("the stream ended without an answer")

    return send


@pytest.fixture(scope="session")
def browser(skip_for_want: Callable[[str], None]) -> Iterator[Any]:
    """A browser without a window, in which pages are opened."""
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError:
        skip_for_want(INSTALL_BROWSER)
    with sync_playwright() as playwright:
        try:
            chromium = playwright.chromium.launch(
                executable_path=shutil.which("chromium"),
                args=["--no-sandbox", "--disable-gpu", *ONE_PROCESS],
            )
        except Error:
            skip_for_want(INSTALL_BROWSER)
        # One context for all, with a page of this machine and one from disk that stay open: what
        # gradio's scripts were compiled to lives as long as a page of the same site.
        context = chromium.new_context()
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        for address in ("http://127.0.0.1/", (DEMO / "static").as_uri()):
            page = context.new_page()
            page.route("**/*", lambda route: route.fulfill(body=""))
            page.goto(address)
        yield context
        chromium.close()


@pytest.fixture(scope="session")
def open_page(browser: Any) -> Callable[..., Any]:
    """Opens pages that must not complain: a context manager for each."""

    @contextmanager
    def opened(url, *, theme="light", width=1280, height=800, ready="#map_view .type"):
        """A page that has shown its first answer; no message, dialog or foreign request, which
        stand in its `troubles`."""
        page = browser.new_page()
        page.troubles = troubles = []
        page.set_viewport_size({"width": width, "height": height})
        page.set_default_timeout(20_000)  # a busy machine is slow, not wrong
        page.on(
            "console",
            lambda m: troubles.append(m.text) if m.type in ("error", "warning") else None,
        )
        page.on("pageerror", lambda error: troubles.append(f"error: {error.stack}"))
        page.on("dialog", lambda dialog: (troubles.append(f"dialog: {dialog}"), dialog.dismiss()))
        page.on(
            "request",
            lambda r: None if r.url.startswith((url, "data:", "blob:")) else troubles.append(r.url),
        )
        page.goto(f"{url}?__theme={theme}")
        page.locator(ready).first.wait_for(state="attached")  # an image off screen has no size yet
        yield page
        page.close()
        assert troubles == []

    return opened


@pytest.fixture(scope="session")
def serious_faults(skip_for_want: Callable[[str], None]) -> Callable[..., list]:
    """What axe finds on a page, or within a part of it, that shuts readers out: rule and places."""
    try:
        from axe_playwright_python.sync_playwright import Axe
    except ImportError:
        skip_for_want("needs axe: pip install axe-playwright-python")

    def find(page: Any, within: str | None = None) -> list:
        page.wait_for_timeout(400)  # colours that are still fading in have no contrast yet
        found = Axe().run(page, context=within).response["violations"]
        return [
            (one["id"], [node["html"][:200] for node in one["nodes"]])
            for one in found
            if one["impact"] in ("serious", "critical")
        ]

    return find
