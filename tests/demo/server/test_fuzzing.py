"""Thousands of forged requests to a page that runs: each gets a result or a sentence, the log stays
empty, nobody beyond this machine is reached, and the page answers afterwards as it did before.

Requests are honest ones with something changed: values as the page would send them come from a page
that was opened and used once for each model.
"""

import json
import urllib.error
import urllib.request
from collections import Counter
from functools import partial
from urllib.parse import urlencode

import pytest

from explorer.measuring.served import served_page

hypothesis = pytest.importorskip("hypothesis", reason="needs pip install hypothesis")
from hypothesis import HealthCheck, Phase, given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

HTML = (
    "<img src=x onerror=alert(1)>", "</script><script>alert(1)</script>", "![i](http://127.0.0.1:9)",
    "${alert(1)}", "{{7*7}}", "{% for x in y %}", "#{7*7}", "<!--", "&#x3c;b&#x3e;", "javascript:1",
    "$$ $x^$ \\frac{", "\\begin{x}", r"\u \x \ `", "%s %n {0} {self.__class__}",
)  # fmt: skip
UNICODE = (
    "\u202eright to left مرحبا", "😍 好电影 👩\u200d🚀", "\0", "\x1b[2J\x07", "\ud83d", "a\udc00b",
    "\u200b\u2060", "e" + "\u0301" * 500, "\ufeff\ufffe\uffff", "\r\n\u2028\u2029", "ﷺ" * 300, "١",
)  # fmt: skip
NAMES = (
    "mean", "max", "1", "nan", "None", "true", "__class__", "../../etc/passwd", "C:\\x", "[MASK]",
    "film", "good bad", "Tiny random model",
)  # fmt: skip
NUMBERS = (
    0, 1, 2, 3, -1, 24, 2**31, 2**63, -(2**64), 10**400, 0.5, -0.0, 1e308, 5e-324,
    float("nan"), float("inf"), float("-inf"),
)  # fmt: skip
LARGE = (
    "film " * 2000, "a" * 10_001, "<b>" * 200_000, "x" * 10_000_000, "\ud800" * 150_000,
    [[1, 1]] * 20_000, {str(number): number for number in range(20_000)}, 10**4299,
)  # fmt: skip
SAID = {
    "layer": (1, 2, "mean", "max"), "head": (1, 2, "mean", "max"), "special_tokens": (True, False),
    "words": (True, False), "by_norms": (False, True), "looks_at": ("self", "source", "written"),
    "part": ("map", "layer", "tiles"), "kind": ("png", "svg", "csv", "npz", "html", "attention"),
    "index": (0, 1), "place": (1, 2, 5), "without": ([], [[1, 1]], [[1, 1], [2, 2]]),
    "log_scale": (True, False), "direction": ("from", "to"), "chosen": (0, 3),
    "strategy": ("greedy", "beam", "sample"), "way": ("deleted", "masked"), "beams": (2, 6),
    "max_tokens": (1, 8), "temperature": (0.5, 5.0), "top_k": (0, 3), "top_p": (0.5, 1.0),
    "seed": (0, 7), "repetition_penalty": (1.0, 1.5), "no_repeat_ngram": (0, 2),
    "text": ("the film is good", "Not [MASK] at all, great [MASK]!", "a"),
    "text_pair": ("", "was it bad?"), "other": ("the film is bad",), "ids": ([5, 6], [7, 53, 3]),
    "generated": ("the film",), "chat": (True, False), "measured": ("answer",),
}  # fmt: skip
"""What widgets and programs say, by its name: some values of each that fit."""

PATHS = (
    "/gradio_api/queue/join", "/gradio_api/call/classify", "/gradio_api/call/v2/attention",
    "/gradio_api/cancel", "/gradio_api/reset", "/gradio_api/upload", "/gradio_api/run/predict",
    "/gradio_api/file=/etc/passwd", "/gradio_api/call/classify/none", "/proxy=http://127.0.0.1:9",
    "/gradio_api/queue/data?session_hash=none", "/gradio_api/queue/data", "/static/../app.py",
    "/gradio_api/mcp/", "/%2e%2e/%2e%2e/etc/passwd", "/gradio_api/component_server",
)  # fmt: skip
METHODS = ("POST", "POST", "POST", "GET", "PUT", "DELETE", "OPTIONS", "HEAD")
CONTENT = (*("application/json",) * 3, "text/plain", "multipart/form-data; boundary=x", "\x80;")
BODIES = (b"[" * 100_000, b"9" * 5000, b"", b"null", b'{"data": [NaN]}', b"\xff\xfe")


def nested(depth):
    value = 1
    for level in range(depth):
        value = [value] if level % 2 else {"a": value}
    return value


TEXTS = st.one_of(
    st.sampled_from(HTML + UNICODE + NAMES),
    st.text(st.characters(exclude_categories=()), max_size=30),
    st.lists(st.sampled_from(HTML + UNICODE + NAMES), max_size=3).map(" film ".join),
)
PLAIN = st.one_of(st.none(), st.booleans(), st.sampled_from(NUMBERS), st.integers(), TEXTS)
HOSTILE = st.one_of(
    PLAIN,
    st.recursive(
        PLAIN,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
        max_leaves=6,
    ),
    st.sampled_from((95, 130)).map(nested),
    # Files as gradio knows them: nothing of the kind may be fetched or read.
    st.sampled_from(
        (
            {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}},
            {"url": "http://127.0.0.1:9"},
        )
    ),
)


@st.composite
def changed(draw, value):
    """A value with something in it that no page would send."""
    what = draw(st.integers(0, 9))
    if what == 0:
        return draw(HOSTILE)
    if isinstance(value, dict) and value:
        name = draw(st.sampled_from(sorted(value)))
        if what == 1:
            return {one: inner for one, inner in value.items() if one != name}
        return {**value, name: draw(changed(value[name]))}
    if isinstance(value, list) and value:
        place = draw(st.integers(0, len(value) - 1))
        if what == 1:
            return value[:place] + value[place + 1 :]
        return [*value[:place], draw(changed(value[place])), *value[place + 1 :]]
    if isinstance(value, str) and what < 6:
        return value + draw(TEXTS)
    return draw(HOSTILE)


def said(name):
    """A value that fits, or one that does not."""
    known = SAID.get(name)
    return st.sampled_from(known) if known else st.none()


class Page:
    """A page as somebody's browser knows it, and as somebody sees it who forges its requests."""

    def __init__(self, address, log, reached):
        self.address, self.log, self.answered = address, log, Counter()
        self.reached = reached
        """Tells to whom its process has connections."""
        config = json.loads(self.get("/config")[1])
        self.endpoints = {
            name: [one["parameter_name"] for one in about["parameters"]]
            for name, about in json.loads(self.get("/gradio_api/info")[1])[
                "named_endpoints"
            ].items()
        }
        parts = {part["id"]: part["props"] for part in config["components"]}
        names = {number: props.get("elem_id") for number, props in parts.items()}
        self.events = {}
        for one in config["dependencies"]:
            if one["backend_fn"] and one["api_visibility"] == "private":
                triggers = tuple((names.get(target), event) for target, event in one["targets"])
                # Of those that many others lead to, one is enough.
                self.events[triggers, *one["inputs"], None, *one["outputs"]] = one
        self.events = list(self.events.values())
        by_trigger = {
            (names.get(target), event): one
            for one in self.events
            for target, event in one["targets"]
        }
        bundle = next(number for number, name in names.items() if name == "bundle")
        source = next(number for number, name in names.items() if name == "source")
        self.titles = [value for _, value in parts[bundle]["choices"]]
        self.known = {}
        """What each component holds once a model was chosen and had written, by its title."""
        for title in self.titles:
            values = {number: props.get("value") for number, props in parts.items()}
            values |= {bundle: title, source: "the film is good"}
            for event in (by_trigger["bundle", "select"], by_trigger["write", "click"]):
                success, output = self.event(event, [values[one] for one in event["inputs"]])
                if success:
                    values |= zip(event["outputs"], map(held, output["data"]), strict=True)
            self.known[title] = values

    def get(self, path, body=None, method=None, kind="application/json"):
        """The status of an answer, and its text; of an empty one too."""
        request = urllib.request.Request(
            f"{self.address}{path}", body, {"Content-Type": kind}, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def event(self, event, data, event_data=None):
        """What comes of an event of the page: whether it succeeded, and what it gave last; a
        request that is refused at the door is a failure with its sentence."""
        body = {
            "data": data, "event_data": event_data, "fn_index": event["id"],
            "session_hash": "fuzz", "trigger_id": None,
        }  # fmt: skip
        status, answer = self.get("/gradio_api/queue/join", json.dumps(body).encode())
        if status != 200:
            return False, {"error": self.refused(status, answer)}
        _, stream = self.get("/gradio_api/queue/data?session_hash=fuzz")
        last = [json.loads(line[6:]) for line in stream.splitlines() if line.startswith("data: ")]
        ends = [one for one in last if one["msg"] == "process_completed"]
        assert len(ends) == 1, stream[:2000]
        return ends[0]["success"], ends[0]["output"]

    def call(self, name, body, *, by_name):
        """The same of an endpoint."""
        path = f"/gradio_api/call/{'v2/' if by_name else ''}{name.removeprefix('/')}"
        status, answer = self.get(path, json.dumps(body).encode())
        if status != 200:
            return False, {"error": self.refused(status, answer)}
        event_id = json.loads(answer)["event_id"]
        _, stream = self.get(f"/gradio_api/call{name}/{event_id}")
        kind, data = stream.strip().split("\n\n")[-1].split("\n", 1)
        found = json.loads(data.removeprefix("data: "))
        if kind == "event: complete":
            return True, {"data": found}
        return False, found

    def refused(self, status, answer):
        """The sentence of a request that goes no further."""
        assert status in (400, 404, 405, 408, 413, 415, 422, 503), (status, answer[:500])
        return json.loads(answer)["detail"]

    def check(self, success, output):
        """A result, or a sentence; nothing in the log."""
        if not success:
            assert is_sentence(output.get("error")), output
        whole = json.dumps(output)
        assert "Traceback" not in whole
        assert 'File \\"' not in whole
        assert "site-packages" not in whole
        assert self.log.read_text("utf-8") == ""
        assert self.reached() == set()
        self.answered["results" if success else "sentences"] += 1


def held(value):
    """What a component holds after an answer."""
    if isinstance(value, dict) and value.get("__type__") == "update":
        return value.get("value")
    return value


def is_sentence(error):
    return isinstance(error, str) and 10 < len(error) < 2000 and error.rstrip()[-1] in ".!?)`"


@st.composite
def requests(draw, page):
    """A function that sends one forged request, and its description for whoever reads a failure."""
    kind = draw(st.sampled_from(("event", "event", "by_place", "by_name", "raw")))
    title = draw(st.sampled_from(page.titles))
    if kind == "event":
        event = draw(st.sampled_from(page.events))
        data = [page.known[title][one] for one in event["inputs"]]
        if draw(st.booleans()):
            data = draw(changed(data)) if data else data
        sent = draw(st.fixed_dictionaries({}, optional={name: said(name) for name in SAID}))
        if draw(st.booleans()):
            fragment = {"model": title, **{name: str(value) for name, value in sent.items()}}
            sent["fragment"] = urlencode(fragment, errors="replace")
        if draw(st.booleans()):
            sent = draw(changed(sent))
        return ("event", event["targets"], event["id"], data, sent), lambda: page.event(
            event, data, sent
        )
    if kind == "raw":
        return draw(raw_requests(page))
    name = draw(st.sampled_from(sorted(page.endpoints)))
    taken = {one: draw(said(one)) for one in page.endpoints[name]}
    if "bundle" in taken:
        taken["bundle"] = title
    given = {one: value for one, value in taken.items() if value is not None}
    body = {"data": list(taken.values())} if kind == "by_place" else given
    if draw(st.integers(0, 3)):
        body = draw(changed(body))
    return (kind, name, body), lambda: page.call(name, body, by_name=kind == "by_name")


@st.composite
def raw_requests(draw, page):
    """What is no event and no call, or a very large one."""
    path = draw(st.sampled_from(PATHS))
    large = draw(st.integers(0, 3)) == 0
    text = draw(st.sampled_from(LARGE)) if large else None
    fields = {"data": [text or draw(HOSTILE)], "fn_index": draw(PLAIN), "session_hash": draw(PLAIN),
              "event_id": draw(TEXTS), "text": text or draw(HOSTILE)}  # fmt: skip
    whole = json.dumps(draw(changed(fields))).encode()
    cut = st.sampled_from((whole, whole[: len(whole) // 2], *BODIES))
    body = draw(cut | st.binary(max_size=60))
    method, kind = draw(st.sampled_from(METHODS)), draw(st.sampled_from(CONTENT))

    def send():
        status, answer = page.get(path, None if method in ("GET", "HEAD") else body, method, kind)
        if status == 200 or method == "HEAD":
            return True, {"data": answer}
        return False, {"error": page.refused(status, answer)}

    return ("raw", method, path, kind, body[:200], len(body)), send


@pytest.fixture(scope="module")
def page(
    demo_folder, demo_tests, bundle, foreign, task_bundles, copy_of_tiny, tmp_path_factory, reached
):
    """A page with a model of every kind, in a process of its own, whose log is a file."""
    several = copy_of_tiny(title="Second", problem_type="multi_label", tasks=["classify"])
    folders = [bundle.folder, several, foreign.folder, demo_tests / "prompt_bundle"]
    folders += [one.folder for one in task_bundles.values()]
    log = tmp_path_factory.mktemp("log") / "log.txt"
    options = ["--bundle", *map(str, folders)]
    with log.open("wb") as opened, served_page(demo_folder / "app.py", options, opened) as served:
        yield Page(served.address, log, partial(reached, served.process))


@pytest.mark.parametrize(
    ("count", "seed"),
    [
        pytest.param(1000, 0, marks=pytest.mark.load),
        pytest.param(5000, None, marks=pytest.mark.slow),
    ],
)
def test_each_forged_request_gets_a_result_or_a_sentence_and_the_page_stays(page, count, seed):
    honest = {"text": "the film is good", "layer": 1, "head": 2}
    before = page.call("/attention", honest, by_name=True)
    page.answered.clear()

    @settings(
        max_examples=count, deadline=None, database=None, derandomize=seed is not None,
        suppress_health_check=list(HealthCheck), phases=(Phase.generate, Phase.shrink),
        print_blob=False,
    )  # fmt: skip
    @given(requests(page))
    def each(request):
        _, send = request
        page.check(*send())

    each()
    assert page.call("/attention", honest, by_name=True) == before
    assert min(page.answered.values()) > count / 10, page.answered
