"""What the card shows to those without gradio's client works as it stands there."""

import re
import shutil
import subprocess

import pytest

PROBABILITY = re.compile(r"positive\W+0\.\d+")


@pytest.fixture
def shown(demo_folder, url):
    """The block of the card in a language, for the page that runs here."""

    def find(kind):
        card = (demo_folder / "README.md").read_text("utf-8")
        blocks = re.findall(rf"^```{kind}\n(.*?)^```", card, re.DOTALL | re.MULTILINE)
        (block,) = [one for one in blocks if "gradio_api" in one]
        return block.replace("http://127.0.0.1:7860/", url)

    return find


@pytest.mark.parametrize(("kind", "command"), [("sh", "bash -c"), ("js", "node -e")])
def test_a_call_without_a_client_works(shown, skip_for_want, kind, command):
    program, flag = command.split()
    for tool in (program, "curl") if kind == "sh" else (program,):
        if not shutil.which(tool):
            skip_for_want(f"needs {tool}: install it with the system's packages")
    code = shown(kind) if kind == "sh" else f"(async () => {{ {shown(kind)} }})()"

    done = subprocess.run([program, flag, code], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")
    assert PROBABILITY.search(done.stdout)
