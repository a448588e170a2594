"""Puts a Space's folder on the Hub: made there, uploaded, and waited for until it runs or fails.

A Space that is there already is replaced only if it was made by this program, or is still empty.
"""

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
from huggingface_hub import HfApi, get_token
from huggingface_hub.errors import HfHubHTTPError, LocalTokenNotFoundError, OfflineModeIsEnabled
from huggingface_hub.utils import DEFAULT_IGNORE_PATTERNS, filter_repo_objects

from hosting.folder import CARD, LEFT_BY_RUNNING, OWN, SpaceError, sizes
from hosting.kinds import KINDS, Kind

_BUILDS_WITHIN = 1800
"""Seconds in which a Space has to start, or the Hub gives it up."""
_NOTICED_WITHIN = 60
"""Seconds in which the Hub has to notice an upload."""
_PAUSE = 2.0
"""Seconds between two looks at how far it is."""
_LOG = 60
"""Lines of a log that are shown."""
_NEW = {CARD, ".gitattributes", "index.html", "style.css"}
"""What the Hub itself puts into a new Space."""
_IGNORED = tuple(
    pattern
    for name in sorted(LEFT_BY_RUNNING)
    for pattern in (name, f"{name}/*", f"*/{name}", f"*/{name}/*")
)
"""Files and folders of those very names, wherever they lie; the Hub's `*` goes beyond a `/`."""


def show_plan(folder: Path, name: str, kind: Kind) -> Iterator[str]:
    """The calls that `push_space` would make, and the files that would be uploaded, in lines."""
    for call, values in (_creating(kind), _uploading(folder)):
        said = "".join(f", {key}={value!r}" for key, value in values.items())
        yield f"would call {call}({name!r}{said})"
        found = _uploaded(folder) if call == "upload_folder" else {}
        for file, size in sorted(found.items(), key=lambda one: -one[1]):
            yield f"  {size:>12,} {file}"
        if found:
            yield f"  {sum(found.values()):>12,} bytes, {len(found)} files"
    yield f"would call wait_for_space({name!r}), and fetch_space_logs({name!r}) if it fails"


def push_space(
    folder: Path,
    name: str,
    kind: Kind,
    *,
    log: Callable[[str], None],
) -> str:
    """Makes the Space `user/name` of a folder, or replaces it; gives its address once it runs.

    Args:
        log: takes what a person is told meanwhile.

    Raises:
        SpaceError: there is no token, the Hub refuses, or the Space does not come to run.
    """
    check_token()
    api = HfApi()
    with _in_words(name, kind):
        _check_ours(api, name)
        call, values = _creating(kind)
        url = getattr(api, call)(name, **values)
        log(f"{url} is there; uploading {sum(_uploaded(folder).values()) / 1e6:.1f} MB")
        call, values = _uploading(folder)
        getattr(api, call)(repo_id=name, **values)
        log("Uploaded; the Hub builds it")
        stage = _wait(api, name)
        if stage != "RUNNING":
            for line in _last_lines(api, name, build=stage != "RUNTIME_ERROR"):
                log(f"  {line}")
            raise SpaceError(f"{url} ended as {stage}; above is the end of its log")
    return str(url)


def check_token() -> None:
    """Raises SpaceError: there is no token, asked before the work that would be in vain."""
    if not get_token():
        raise SpaceError(
            "There is no token of the Hub here, without which nobody may push. Log in by "
            "`hf auth login`, or give a token that may write in the variable HF_TOKEN"
        )


def _creating(kind: Kind) -> tuple[str, dict[str, Any]]:
    settings = kind.settings()
    hardware = settings.get("suggested_hardware")
    asked = {"space_hardware": hardware} if hardware else {}
    return "create_repo", {
        "repo_type": "space",
        "space_sdk": settings["sdk"],
        **asked,
        "exist_ok": True,
    }


def _uploading(folder: Path) -> tuple[str, dict[str, Any]]:
    return "upload_folder", {
        "repo_type": "space",
        "folder_path": str(folder),
        "ignore_patterns": list(_IGNORED),
        "delete_patterns": ["*"],
        "commit_message": "Built by build_space.py",
    }


def _uploaded(folder: Path) -> dict[str, int]:
    """Bytes of every file that `upload_folder` takes of a folder, by its path in it."""
    found = sizes(folder)
    ignored = [*_IGNORED, *DEFAULT_IGNORE_PATTERNS]
    return {name: found[name] for name in filter_repo_objects(found, ignore_patterns=ignored)}


def _check_ours(api: HfApi, name: str) -> None:
    """Raises SpaceError: there is such a Space already, and somebody else's files are in it."""
    if not api.repo_exists(name, repo_type="space"):
        return
    there = set(api.list_repo_files(name, repo_type="space"))
    if there <= _NEW:
        return
    card = b""
    if CARD in there:
        with tempfile.TemporaryDirectory() as place:
            found = api.hf_hub_download(name, CARD, repo_type="space", local_dir=place)
            card = Path(found).read_bytes()
    if not card.startswith(OWN.encode()):
        others = ", ".join(sorted(there - _NEW)[:3])
        raise SpaceError(
            f"The Space {name} is there already and was not made by build_space.py (it has "
            f"{others}), so it is not replaced; give another name"
        )


def _wait(api: HfApi, name: str) -> str:
    """The stage in which a Space comes to rest; what it was in before the upload is none."""
    until = time.monotonic() + _NOTICED_WITHIN
    while True:
        stage = api.wait_for_space(name, timeout=_BUILDS_WITHIN, poll_interval=_PAUSE).stage
        if stage != "NO_APP_FILE" or time.monotonic() > until:
            return str(getattr(stage, "value", stage))
        time.sleep(_PAUSE)


def _last_lines(api: HfApi, name: str, *, build: bool) -> list[str]:
    said = "".join(
        line if line.endswith("\n") else f"{line}\n"
        for line in api.fetch_space_logs(name, build=build)
    )
    shown = ("".join(sign for sign in line if sign.isprintable()) for line in said.splitlines())
    return list(shown)[-_LOG:] or ["(its log is empty)"]


@contextmanager
def _in_words(name: str, kind: Kind) -> Iterator[None]:
    """Around calls of the Hub: what it or the network refuses, as a SpaceError."""
    try:
        yield
    except HfHubHTTPError as error:
        code = error.response.status_code
        if code == 402:
            free = [sdk for sdk, one in KINDS.items() if one.free and one is not kind]
            needs = "was free when this was written" if kind.free else f"needs {kind.accounts}"
            raise SpaceError(
                f"The Hub asks for payment (402) to host {name}: this kind {needs}. "
                f"Free accounts can host: --sdk {' or '.join(free)}"
            ) from error
        if code in (401, 403):
            raise SpaceError(
                f"The Hub does not let this token write to {name} ({code}); give one that may, of "
                "that account or a member of that organisation, by `hf auth login` or HF_TOKEN"
            ) from error
        if code >= 500:
            raise SpaceError(
                f"The Hub itself fails ({code}) when it is asked for {name}; push again in a while"
            ) from error
        said = " ".join((error.server_message or error.response.reason_phrase).split())
        raise SpaceError(f"The Hub refuses {name} ({code}): {said[:300]}") from error
    except TimeoutError as error:
        raise SpaceError(f"{name} is still not built: {error}. Look at it on the Hub") from error
    except (httpx2.HTTPError, OfflineModeIsEnabled, LocalTokenNotFoundError) as error:
        raise SpaceError(f"The Hub cannot be reached: {str(error)[:300]}") from error
