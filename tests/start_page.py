"""Starts the page by a command, asks it for all that it offers, and stops it.

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

CALLS = {
    "/classify": {"text": "Not bad at all."},
    "/generate": {"text": "not bad all at ."},
}


def main(command: list[str]) -> int:
    """Runs the check; 0 when the page classified a sentence, and wrote one if it has a decoder."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    page = subprocess.Popen([*command, "--port", str(port)])
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_for(url, page)
        for endpoint, values in CALLS.items():
            if endpoint in _endpoints(url):
                answer = str(_call(url, endpoint, values))
                sys.stdout.write(f"{endpoint} answers: {answer[:400]}\n")
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


def _endpoints(url: str) -> dict[str, object]:
    with urllib.request.urlopen(f"{url}/gradio_api/info", timeout=30) as answer:
        return json.load(answer)["named_endpoints"]


def _call(url: str, endpoint: str, values: dict[str, str]) -> object:
    """Gradio's two-step call: an event is posted, then its results are read as a stream."""
    call = f"{url}/gradio_api/call"
    request = urllib.request.Request(
        f"{call}/v2{endpoint}", json.dumps(values).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        event = json.load(answer)["event_id"]
    with urllib.request.urlopen(f"{call}{endpoint}/{event}", timeout=60) as stream:
        lines = [line.decode().strip() for line in stream]
    if "event: complete" not in lines:
        raise SystemExit(f"{endpoint} did not answer {values}: {lines}")
    results = [line for line in lines if line.startswith("data: ") and line != "data: null"]
    return json.loads(results[-1].removeprefix("data: "))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
