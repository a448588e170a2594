"""Where the page is served, what it leaves behind, and what a server's owner is told."""

import errno
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from argparse import ArgumentTypeError
from contextlib import nullcontext
from pathlib import Path

import gradio.utils
import pytest
from gradio import component_meta

import app
from explorer import environment
from explorer.environment import make_own_folder, settle
from explorer.measuring.served import can_measure, resident, served_page
from explorer.server.process import (
    ServerError,
    check_address,
    leave_matplotlib_alone,
    make_room,
    port_number,
    told,
)

WORD = "unheardof"


@pytest.mark.parametrize(
    "text", ["-1", "0", "99999", "65536", "abc", "", "1.5", "８０", "9" * 5000]
)
def test_a_port_that_is_none_is_refused(text):
    with pytest.raises(ArgumentTypeError, match="is no port; expected a whole number, 1 to 65535"):
        port_number(text)


def test_a_port_is_a_port():
    assert [port_number(text) for text in ("1", "7860", "65535")] == [1, 7860, 65535]


def test_the_command_says_what_a_port_is(capsys):
    with pytest.raises(SystemExit) as stopped:
        app.main(["--port", "99999"])

    assert stopped.value.code == 2
    assert "'99999' is no port; expected a whole number, 1 to 65535" in capsys.readouterr().err


def test_a_port_that_is_taken_is_told_before_the_bundle_is_opened(capsys, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code = app.main(["--port", str(port), "--bundle", str(tmp_path / "nowhere")])

    assert code == 2
    assert f"Port {port} of 127.0.0.1 is taken" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("host", "sentence"),
    [
        ("no-such-host.invalid", "There is no host 'no-such-host.invalid'"),
        ("a" * 300, "There is no host 'aaa"),
        ("a\0b", r"There is no host 'a\x00b'"),
        ("a..b", "There is no host 'a..b'"),
        ("192.0.2.1", "192.0.2.1 is no address of this machine"),
    ],
)
def test_a_host_that_is_none_is_a_sentence(host, sentence):
    with pytest.raises(ServerError) as refused:
        check_address(host, 7860)

    assert sentence in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        (errno.EACCES, "This user may not listen on port 80. Give --port a number from 1024."),
        (errno.EAFNOSUPPORT, "Nothing can listen on 127.0.0.1 (Address family not supported"),
    ],
)
def test_what_a_system_refuses_is_a_sentence(monkeypatch, number, sentence):
    def refuse(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(socket.socket, "bind", refuse)

    with pytest.raises(ServerError) as refused:
        check_address(None, 80)

    assert sentence in str(refused.value)


def test_an_address_of_version_6_is_bracketed():
    if not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    try:
        assert check_address("::1", None) == check_address("[::1]", None) == "[::1]"
    except ServerError:
        pytest.skip("this machine has no IPv6")


@pytest.mark.parametrize("text", ["abc", "-1"])
def test_the_hosts_variables_are_the_defaults_and_checked_like_flags(monkeypatch, capsys, text):
    monkeypatch.setattr(app, "HOST_ADDRESS", {"GRADIO_SERVER_PORT": text})

    with pytest.raises(SystemExit):
        app.main([])

    assert f"error: variable GRADIO_SERVER_PORT: '{text}' is no port" in capsys.readouterr().err


def test_gradios_variables_are_settled(monkeypatch):
    monkeypatch.setattr(os, "environ", {
        "GRADIO_SERVER_NAME": "0.0.0.0", "GRADIO_SERVER_PORT": "", "GRADIO_NUM_PORTS": "abc",
        "GRADIO_ALLOWED_PATHS": "/", "GRADIO_SHARE": "True", "GRADIO_ROOT_PATH": "/page",
        "HOME": "/home",
    })  # fmt: skip

    assert settle() == {"GRADIO_SERVER_NAME": "0.0.0.0"}
    assert os.environ.keys() == {
        "GRADIO_ROOT_PATH", "GRADIO_TEMP_DIR", "HOME", *environment._SETTLED
    }  # fmt: skip
    assert os.environ["ORT_DISABLE_TELEMETRY"] == "1"


def test_what_is_left_out_of_gradio_is_still_there_to_be_left_out():
    leave_matplotlib_alone()
    page, utils = (Path(one.__file__).read_text("utf-8") for one in (component_meta, gradio.utils))

    assert "create_or_modify_pyi(component_class, name, events)" in page
    assert component_meta.create_or_modify_pyi.__module__ == environment.__name__
    assert "\nclass MatplotlibBackendMananger" in utils
    assert gradio.utils.MatplotlibBackendMananger is nullcontext


def test_whatever_gradio_says_before_it_serves_is_a_sentence(monkeypatch, capsys, bundle):
    def refuse(*_, **__):
        raise OSError("Cannot find empty port in range: 7860-7959.")

    monkeypatch.setattr(app.gr.Blocks, "launch", refuse)
    monkeypatch.setattr(app, "stop_orderly", lambda: None)
    monkeypatch.setattr(app, "keep_words_out_of_the_log", lambda: None)

    assert app.main(["--bundle", str(bundle.folder)]) == 2
    assert capsys.readouterr().err == (
        "The page cannot be served: Cannot find empty port in range: 7860-7959.\n"
    )


def test_no_room_for_the_temporary_folder_is_a_sentence(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "file" / "attention-explorer-1-ab"))

    with pytest.raises(ServerError, match=r"No temporary folder can be made .* Set TMPDIR"):
        make_room()


def test_folders_of_killed_pages_go_and_others_stay(monkeypatch, tmp_path):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    names = {
        "killed": f"attention-explorer-{dead.pid}-aa/vibe_edit_history",
        "listing fonts": f"attention-explorer-{dead.pid}-ee",
        "used": f"attention-explorer-{dead.pid}-bb/theirs",
        "alive": f"attention-explorer-{os.getppid()}-cc",
        "other": "attention-explorer-abc",
    }
    for name in names.values():
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / names["listing fonts"] / "fontlist-v3.json").write_text("{}")
    own = tmp_path / f"attention-explorer-{os.getpid()}-dd"
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(own))

    make_own_folder()

    left = {names[key].partition("/")[0] for key in ("used", "alive", "other")}
    assert {one.name for one in tmp_path.iterdir()} == {own.name, *left}
    assert own.stat().st_mode & 0o777 == 0o700


def test_a_failure_is_told_without_what_a_reader_wrote():
    try:
        try:
            {}[WORD]
        except KeyError as error:
            raise ValueError(WORD) from error
    except ValueError as error:
        text = told(error)

    assert WORD not in text.replace("{}[WORD]", "")
    assert "KeyError\nthen\n" in text
    assert text.endswith("ValueError")


def test_nothing_is_kept_of_a_session(bundle):
    page = app.build_app([bundle])
    _, url, _ = app.launch(page, prevent_thread_lock=True)
    answers = [ask(url, text) for text in ("good", "the film is good", "good")]
    page.close(verbose=False)

    assert answers[0] == answers[2] != answers[1]
    assert len(page.state_holder.session_data) == 0
    assert page.state_holder["one"] is page.state_holder["other"]
    # What is the server's own for each reader would be everybody's here.
    assert not any(component.stateful for component in page.blocks.values())


def ask(url, text, name="classify"):
    body = json.dumps({"data": [text]}).encode()
    headers = {"Content-Type": "application/json"}
    call = f"{url}gradio_api/call/{name}"
    with urllib.request.urlopen(urllib.request.Request(call, body, headers)) as answer:
        event = json.load(answer)["event_id"]
    with urllib.request.urlopen(f"{call}/{event}") as stream:
        return stream.read().decode()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits another process's files")
def test_a_page_needs_no_disk_no_proxy_and_leaves_nothing(bundle, demo_folder, tmp_path, reached):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (tmp_path / "gradio").write_text("somebody else's, where gradio would have its folder")
    outside = {
        "TMPDIR": str(tmp_path),
        "http_proxy": "http://127.0.0.1:9",
        "no_proxy": "",
        "HOME": str(tmp_path / "gradio"),  # nor a home
    }
    command = [sys.executable, "-u", "app.py", "--log", "--port", str(port)]
    command += ["--bundle", str(bundle.folder)]

    page = subprocess.Popen(
        command, cwd=demo_folder, env={**os.environ, **outside}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert "Running on local URL" in page.stdout.readline()
    (folder,) = tmp_path.glob(f"attention-explorer-{page.pid}-*")
    assert folder.stat().st_mode & 0o777 == 0o700
    resource.prlimit(page.pid, resource.RLIMIT_FSIZE, (0, 0))  # as on a full disk
    url = f"http://127.0.0.1:{port}/"
    answer, maps, saved = ask(url, WORD), *ask_for_map(url)
    refused = ask(url, f"{WORD} " * 2000)
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(f"{url}{WORD}")
    others = reached(page.pid)
    page.send_signal(signal.SIGTERM)
    said, errors = page.communicate(timeout=60)

    assert "event: complete" in answer
    assert "has 20,000 characters" in refused
    assert others == set()
    assert len(maps["attentions"][0]["weights"]) > 100
    assert (saved["name"], saved["type"]) == ("attention-layer1-head1.svg", "image/svg+xml")
    assert page.returncode == 0
    assert said == ""
    assert WORD not in errors
    lines = [json.loads(line) for line in errors.splitlines()]
    asked = ["/classify", "page: read", "page: keep", "/classify", None]
    # A line is written once its answer is sent: that of the next request may stand before it.
    assert sorted((line.get("asked") for line in lines), key=str) == sorted(asked, key=str)
    outcomes = ["answered"] * 3 + ["refused", "shut"]
    assert sorted(line["outcome"] for line in lines) == outcomes
    *of_readers, shut = sorted(lines, key=lambda line: line["outcome"])
    assert all(line["waited"] >= 0 <= line["took"] for line in of_readers)
    assert shut["status"] == 404
    assert [one.name for one in tmp_path.iterdir()] == ["gradio"]
    assert not folder.exists()


def ask_for_map(url):
    """What the page gets when a text is read, and when its map is saved."""
    with urllib.request.urlopen(f"{url}config") as answer:
        config = json.load(answer)
    ids = {part["id"]: part["props"].get("elem_id") for part in config["components"]}
    events = {
        (ids.get(target), event): one["id"]
        for one in config["dependencies"]
        if one["backend_fn"]
        for target, event in one["targets"]
    }
    shown = {"bundle": "Tiny random model", "text": WORD, "text_pair": ""}
    wanted = {
        "layer": 1, "head": 1, "special_tokens": True, "words": True, "by_norms": False,
        "kind": "svg",
    }  # fmt: skip
    read = send(url, events["text", "submit"], ["Tiny random model", WORD, "", shown])
    (saved,) = send(url, events["map_view", "keep"], [shown], wanted)
    return next(one for one in read if one and "attentions" in one), saved


def send(url, index, data, event_data=None):
    body = {
        "data": data, "fn_index": index, "session_hash": "abc", "event_data": event_data
    }  # fmt: skip
    headers = {"Content-Type": "application/json"}
    join = urllib.request.Request(f"{url}gradio_api/queue/join", json.dumps(body).encode(), headers)
    urllib.request.urlopen(join).close()
    with urllib.request.urlopen(f"{url}gradio_api/queue/data?session_hash=abc") as stream:
        for line in stream:
            message = json.loads(line.removeprefix(b"data: ")) if line.strip() else {}
            if message.get("msg") == "process_completed":
                assert message["success"], message
                return message["output"]["data"]
    raise AssertionError("the stream ended without an answer")


@pytest.mark.slow
@pytest.mark.skipif(not can_measure(), reason="only Linux tells a process's memory")
def test_memory_levels_off_over_hundreds_of_sessions(bundle, demo_folder):
    with served_page(demo_folder / "app.py", ["--bundle", str(bundle.folder)]) as page:
        for number in range(50):
            ask(f"{page.address}/", f"good film {number}")
        before = resident(page.process)
        for number in range(300):
            ask(f"{page.address}/", f"bad film {number}")

        assert resident(page.process) - before < 10  # 100 without a limit
