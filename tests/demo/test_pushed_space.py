"""A Space is put on the Hub: tried against a server that stands in for the Hub's API."""

import base64
import json
import shutil
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import yaml
from huggingface_hub import HfApi

import build_space
from hosting import pushing
from hosting.folder import OWN, SpaceError, sizes
from hosting.kinds import KINDS
from hosting.pushing import push_space, show_plan

NAME = "user/page"
SHA = "0" * 40


class Hub(ThreadingHTTPServer):
    """What the Hub is asked for when a Space is pushed, with its answers, by method and path."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Asked)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.files: dict[str, bytes] | None = None
        self.created: dict = {}
        self.stages = ["NO_APP_FILE", "BUILDING", "RUNNING"]
        self.log = "step 1\nstep 2 failed\n"
        self.refuses = 0
        """The status of the answer to who wants to make a Space."""

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, object]:
        path = path.partition("?")[0].removeprefix(f"/api/spaces/{NAME}")
        if path == "/api/repos/create":
            return self._create(json.loads(body))
        if self.files is None:
            return 404, {"error": "Repository not found"}
        known = {
            ("GET", ""): {"id": NAME, "sha": SHA},
            ("GET", "/tree/main"): [
                {"type": "file", "path": path, "size": len(content), "oid": SHA}
                for path, content in self.files.items()
            ],
            ("POST", "/api/validate-yaml"): {"warnings": [], "errors": []},
            ("GET", "/logs/build"): f"data: {json.dumps({'data': self.log, 'timestamp': ''})}\n\n",
        }
        if (method, path) in known:
            return 200, known[method, path]
        if path.endswith("/resolve/main/README.md"):
            return 200, self.files["README.md"].decode()
        if path == "/preupload/main":
            files = json.loads(body)["files"]
            modes = {"uploadMode": "regular", "shouldIgnore": False}
            return 200, {"files": [{"path": one["path"], **modes} for one in files]}
        if path == "/commit/main":
            return self._commit(body)
        if path == "/runtime":
            stage = self.stages.pop(0) if len(self.stages) > 1 else self.stages[0]
            return 200, {"stage": stage, "hardware": {}}
        return 500, {"error": f"the stand-in knows no {method} {path}"}

    def _create(self, asked: dict) -> tuple[int, object]:
        if self.refuses:
            return self.refuses, {"error": "Payment Required"}
        if self.files is not None:
            return 409, {"error": "exists", "url": f"{self.url}/spaces/{NAME}"}
        self.created, self.files = asked, {".gitattributes": b""}
        return 200, {"url": f"{self.url}/spaces/{NAME}"}

    def _commit(self, body: bytes) -> tuple[int, object]:
        for line in map(json.loads, body.splitlines()):
            value = line["value"]
            if line["key"] == "file":
                self.files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "deletedFile":
                del self.files[value["path"]]
        url = f"{self.url}/spaces/{NAME}/commit/{SHA}"
        return 200, {"commitUrl": url, "commitOid": SHA, "success": True}


class Asked(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        status, said = self.server.answer(self.command, self.path, body)
        content = (said if isinstance(said, str) else json.dumps(said)).encode()
        self.send_response(status)
        if status == 404:
            self.send_header("X-Error-Code", "RepoNotFound")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("ETag", f'"{SHA}"')
        self.send_header("X-Repo-Commit", SHA)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_POST = do_HEAD = do_GET

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hub(monkeypatch):
    server = Hub()
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    monkeypatch.setenv("HF_TOKEN", "hf_test")
    monkeypatch.setattr(pushing, "_PAUSE", 0.01)
    monkeypatch.setattr(pushing, "HfApi", lambda: HfApi(endpoint=server.url))
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def space(tmp_path_factory, tiny_folder):
    """Of a bundle whose name ends like that of a folder which running leaves."""
    place = tmp_path_factory.mktemp("pushed")
    bundle = shutil.copytree(tiny_folder, place / "my.gradio")
    return build_space.build_space(bundle, place / "space", KINDS["zerogpu"])


def push(space, told=lambda _: None):
    return push_space(space, NAME, KINDS["zerogpu"], log=told)


def test_a_space_is_made_with_its_hardware_uploaded_and_waited_for(hub, space):
    (space / "__pycache__").mkdir(exist_ok=True)
    (space / "__pycache__" / "app.pyc").write_bytes(b"left by running")

    assert push(space) == f"{hub.url}/spaces/{NAME}"

    wanted = {"type": "space", "sdk": "gradio", "hardware": "zero-a10g"}
    assert {name: hub.created[name] for name in wanted} == wanted
    names = {name for name in sizes(space) if "__pycache__" not in name}
    assert set(hub.files) == {".gitattributes", *names}
    assert all(hub.files[name] == (space / name).read_bytes() for name in names)


def test_its_own_space_is_replaced_and_what_is_gone_here_is_gone_there(hub, space):
    hub.files = {"README.md": OWN.encode(), "old.py": b"", ".gitattributes": b"kept"}

    push(space)

    assert "old.py" not in hub.files
    assert hub.files[".gitattributes"] == b"kept"


def test_somebody_elses_space_is_not_replaced(hub, space):
    hub.files = theirs = {"README.md": b"---\ntitle: Theirs\n---\n", "main.py": b""}

    with pytest.raises(SpaceError, match=r"was not made by build_space\.py \(it has main\.py\)"):
        push(space)

    assert hub.files is theirs


def test_a_payment_that_is_asked_for_is_explained(hub, space):
    hub.refuses = 402
    with pytest.raises(SpaceError, match=r"402.* PRO account.*Free accounts.* zerogpu or static$"):
        push_space(space, NAME, KINDS["gradio"], log=lambda _: None)
    with pytest.raises(SpaceError, match=r"402.*was free when.*Free accounts.* --sdk zerogpu$"):
        push_space(space, NAME, KINDS["static"], log=lambda _: None)

    hub.refuses = 403
    with pytest.raises(SpaceError, match="does not let this token write to user/page"):
        push(space)

    hub.refuses = 500
    with pytest.raises(SpaceError, match=r"^The Hub itself fails \(500\)[^\n<]*$"):
        push(space)


def test_a_build_that_fails_shows_its_log(hub, space):
    hub.stages = ["BUILD_ERROR"]
    hub.log = "step 1\n\x1b[31mstep 2 failed\n"
    told: list[str] = []

    with pytest.raises(SpaceError, match="ended as BUILD_ERROR"):
        push(space, told.append)

    assert told[-2:] == ["  step 1", "  [31mstep 2 failed"]


def test_without_a_token_or_a_network_a_sentence(monkeypatch, space):
    monkeypatch.setattr(pushing, "get_token", lambda: None)
    with pytest.raises(SpaceError, match="There is no token of the Hub"):
        push(space)
    out = space.with_name("not_built")
    assert build_space.main([str(space), "--out", str(out), "--push", NAME]) == 2
    assert not out.exists()

    monkeypatch.setattr(pushing, "get_token", lambda: "hf_test")
    monkeypatch.setattr(pushing, "HfApi", lambda: HfApi(endpoint="http://127.0.0.1:9", token="t"))
    with pytest.raises(SpaceError, match="The Hub cannot be reached"):
        push(space)


def test_a_dry_run_tells_who_can_host_it_and_every_file(tiny_folder, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(pushing, "HfApi", lambda: pytest.fail("the Hub was asked"))
    out = tmp_path / "space"

    code = build_space.main([str(tiny_folder), "--out", str(out), "--push", NAME, "--dry-run"])

    said = capsys.readouterr().out
    assert code == 0
    assert f"{NAME} needs a PRO account" in said
    assert said.index("needs a PRO") < said.index("would call create_repo('user/page'")
    assert "space_hardware='cpu-basic'" in said
    for name, size in sizes(out).items():
        assert f"{size:,} {name}\n" in said
    left = out / "explorer" / "__pycache__" / "app.pyc"
    left.parent.mkdir()
    left.write_bytes(b"left by running")
    creates, _, *files, total, _ = show_plan(out, NAME, KINDS["docker"])
    assert "'docker'" in creates
    assert {line.split()[-1] for line in files} == {*sizes(out)} - {"explorer/__pycache__/app.pyc"}
    assert total.endswith(f" {len(files)} files")


def test_the_workflow_to_copy_runs_the_command_as_it_is(demo_folder):
    workflow = yaml.safe_load((demo_folder / "hosting" / "push_space.yml").read_text("utf-8"))

    (job,) = workflow["jobs"].values()
    (command,) = (step["run"] for step in job["steps"] if "build_space.py" in step.get("run", ""))
    words = command.replace("${{ vars.SPACE }}", NAME).split()
    assert words[:2] == ["python", "demo/build_space.py"]
    given = build_space.build_parser().parse_args(words[2:])
    assert given.push == NAME
    assert (demo_folder.parent / given.bundle).is_dir()


def test_the_workflow_audits_what_it_installs_before_it_does(demo_folder):
    workflow = yaml.safe_load((demo_folder / "hosting" / "push_space.yml").read_text("utf-8"))

    (job,) = workflow["jobs"].values()
    runs = [step["run"].split() for step in job["steps"] if "run" in step]
    audit, install = (run for run in runs if "-r" in run)
    assert audit[:2] == ["pipx", "run"]
    assert audit[2].startswith("pip-audit==")
    assert {"--strict", "--require-hashes", "--disable-pip"} <= {*audit}
    assert install[:2] == ["pip", "install"]
    assert audit[-1] == install[-1]
    assert (demo_folder.parent / audit[-1]).is_file()
    told = " ".join(audit).replace("demo/requirements.lock", "requirements.lock")
    assert told in (demo_folder / "README.md").read_text("utf-8")
