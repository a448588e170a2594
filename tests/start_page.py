"""Starts the page by a command, asks it for an answer, and stops it.

    python tests/start_page.py .venv/bin/python demo/app.py

Fails when the page does not answer within two minutes. It needs nothing but Python.
"""

import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request


def main(command: list[str]) -> int:
    """Runs the check; 0 when the page classified a sentence."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    page = subprocess.Popen([*command, "--port", str(port)])
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_for(url, page)
        sys.stdout.write(f"the page answers: {_classify(url, 'Not bad at all.')}\n")
    finally:
        page.terminate()
        page.wait(timeout=30)
    return 0


def _wait_for(url: str, page: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 120
    while time.monotonic() < until:
        if page.poll() is not None:
            raise SystemExit(f"the page stopped with code {page.returncode}")
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.5)
    raise SystemExit(f"no answer from {url} within two minutes")


def _classify(url: str, text: str) -> object:
    """Gradio's two-step call: an event is posted, then its result is read as a stream."""
    call = f"{url}/gradio_api/call/classify"
    body = json.dumps({"data": [text, "", ""]}).encode()  # text, text_pair, bundle
    request = urllib.request.Request(call, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        event = json.load(answer)["event_id"]
    with urllib.request.urlopen(f"{call}/{event}", timeout=60) as stream:
        lines = [line.decode().strip() for line in stream]
    if "event: complete" not in lines:
        raise SystemExit(f"the page did not classify {text!r}: {lines}")
    return json.loads(lines[-1] or lines[-2].removeprefix("data: "))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
