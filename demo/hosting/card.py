"""A Space's card: its settings, and what `bundle.json` says of the model, in words.

What a bundle says is somebody's text: in the settings it is quoted, in the card it is escaped, so
that none of it becomes a setting, markup, a link or an image.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from bundle_format.graphs import ReadingGraph
from bundle_format.schema import Manifest
from hosting.folder import OWN, SpaceError

_LONGEST = 60
"""Characters of a Space's short description, as the Hub takes it."""
_LABELS = 20
PACKAGED = {
    "minilm": "sentence-transformers/all-MiniLM-L6-v2",
    "mpnet": "sentence-transformers/all-mpnet-base-v2",
}
"""Names on the Hub of weights that a training knows by a word."""
_HUB_NAME = re.compile(r"(?!.*(--|\.\.|\.git$))\b[\w.-]{1,96}\b/\b[\w.-]{1,96}\b", re.ASCII)
"""As the Hub allows them, of an account and of what it has; a test holds it equal to what
huggingface_hub refuses."""
_TAGS = {
    "classify": "text-classification",
    "tag": "token-classification",
    "answer": "question-answering",
    "fill": "fill-mask",
    "embed": "feature-extraction",
    "generate": "text-generation",
}
_DOES = {
    "classify": "It reads a text and gives a share to each of its labels",
    "tag": "It reads a text and gives a label to each of its tokens",
    "answer": "It finds the answer to a question in a text",
    "fill": "It guesses the words at the masks of a text",
    "embed": "It turns a text into a vector, so that texts can be compared",
}


def make_card(
    manifest: Manifest,
    settings: Mapping[str, Any],
    *,
    runs: str,
    models: Iterable[str] = (),
    purpose: str | None = None,
) -> str:
    """The content of a Space's README.md.

    Args:
        settings: those of the kind of Space, by the names that the Hub knows.
        runs: how it is run elsewhere, and what it needs; Markdown of our own.
        models: names on the Hub of what the bundle was made from.
        purpose: what the model is for, in somebody's words.
    """
    front = {
        "title": short(_line(manifest.title)),
        "emoji": "🔎",
        "colorFrom": "indigo",
        "colorTo": "blue",
        **settings,
        "short_description": short(f"Every attention head of: {_line(manifest.title)}"),
        "models": sorted({*models, *noted_models(manifest)}),
        "tags": [*_tags(manifest), "attention", "interpretability", "onnx"],
        "pinned": False,
    }
    lines = [f"{name}: {json.dumps(value, ensure_ascii=False)}\n" for name, value in front.items()]
    body = "\n\n".join(_body(manifest, purpose, runs))
    return f"{OWN}{''.join(lines)}---\n\n{body}\n"


def noted_models(manifest: Manifest) -> list[str]:
    """What a bundle says that its weights came from, where that is a name on the Hub."""
    parts = [manifest.checkpoint, *([manifest.decoder.checkpoint] if manifest.decoder else [])]
    names = [part.more.get("hub") for part in parts]
    begun = [part.recipe.more.get("init") for part in parts if part.recipe]
    names += [PACKAGED.get(name, name) for name in begun if isinstance(name, str)]
    return [name for name in names if isinstance(name, str) and _HUB_NAME.fullmatch(name)]


def check_hub_name(name: str) -> None:
    """Raises SpaceError: it is no name like `user/name`."""
    if not _HUB_NAME.fullmatch(name):
        raise SpaceError(
            f"{name!r:.80} is no name on the Hub; expected user/name, each of at most 96 letters, "
            "digits, -, _ or ., which begins and ends with a letter, a digit or _, without -- or "
            ".., and does not end in .git"
        )


def _body(manifest: Manifest, purpose: str | None, runs: str) -> Iterator[str]:
    yield f"# {plain(manifest.title)}"
    yield (
        "The answers of a model, and what every one of its attention heads looks at. The page runs "
        "on onnxruntime: no torch, nothing fetched from elsewhere, no text kept."
    )
    yield "## What it is for"
    yield plain(purpose) if purpose else " ".join(_does(manifest))
    if manifest.labels:
        shown = ", ".join(plain(label) for label in manifest.labels[:_LABELS])
        more = len(manifest.labels) - _LABELS
        yield f"Labels: {shown}{f', and {more:,} more' if more > 0 else ''}."
    yield "## How good it is"
    yield "\n".join(f"* {line}" for line in _measured(manifest))
    yield "## Limits"
    yield "\n".join(f"* {line}" for line in _limits(manifest))
    yield "## Licences"
    yield f"The page: Apache-2.0. The model: {plain(manifest.licence) or 'not given.'}"
    yield "## How it runs"
    yield runs


def _does(manifest: Manifest) -> Iterator[str]:
    if manifest.reads in _DOES:
        yield f"{_DOES[manifest.reads]}."
    if manifest.writes and manifest.decoder:
        restores = manifest.decoder.task == "restore"
        yield "It restores corrupted sentences." if restores else "It writes a text from a text."
    yield "Its makers say no more of what it is for."


def _measured(manifest: Manifest) -> Iterator[str]:
    """What the bundle has of figures, a line each; that there are none, if there are none."""
    known = False
    test = manifest.metrics.test
    if test and test.accuracy is not None:
        known = True
        yield f"Accuracy {test.accuracy:.3f}{_of(test.texts, 'texts that it had not seen')}."
    written = manifest.decoder.metrics.test if manifest.decoder else None
    if written and written.word_error_rate is not None:
        known = True
        yield f"Word error rate {written.word_error_rate:.3f} of what it writes{_beside(manifest)}."
    if written and written.rougeL is not None:
        known = True
        yield f"ROUGE-L {written.rougeL:.3f} of what it writes."
    if not known:
        yield "Its bundle has no figures of how often it is right."
    small = manifest.graphs.by_task().get(manifest.reads, {}).get("8bit")
    compared = small.held_out if isinstance(small, ReadingGraph) else None
    if compared and compared.same_label is not None:
        same = f"{compared.same_label:.1%}{_of(compared.texts, 'texts')}"
        yield f"The graph is in 8 bit: the label of the float32 graph for {same}."


def _beside(manifest: Manifest) -> str:
    """Of how many sentences a rate of errors is, and that of their sources left as they are."""
    assert manifest.decoder
    metrics = manifest.decoder.metrics
    count = metrics.test.more.get("sentences") if metrics.test else None
    copied = metrics.copied.word_error_rate if metrics.copied else None
    source = "" if copied is None else f"; {copied:.3f} of the sources as they are"
    return f"{_of(count if isinstance(count, int) else None, 'sentences')}{source}"


def _of(count: int | None, what: str) -> str:
    return "" if count is None else f" of {count:,} {what}"


def _limits(manifest: Manifest) -> Iterator[str]:
    yield "Attention shows where information was routed, not why an answer was given."
    yield f"A text is read up to {manifest.max_tokens:,} tokens at most; the page says what is cut."
    yield "On texts unlike those that it was trained on, its answers mean little."
    for sentence in manifest.assumed:
        yield plain(sentence)


def _tags(manifest: Manifest) -> list[str]:
    return [_TAGS[task] for task in manifest.tasks if task in _TAGS]


def plain(text: str) -> str:
    """A text as Markdown that shows just this text, in one line."""
    marked = re.sub(r"(?i)([\\`*_\[\]<>&!|~#$@:]|(?<=www)\.)", r"\\\1", _line(text))
    return re.sub(r"^(\d*)([-+=.)])", r"\1\\\2", marked)


def _line(text: str) -> str:
    """Without line breaks, and without what cannot be seen or turns the direction of a line."""
    return "".join(sign if sign.isprintable() else " " for sign in " ".join(text.split())).strip()


def short(text: str, most: int = _LONGEST) -> str:
    """A line of at most so many characters, cut after a word, and if it must be, in the first."""
    if len(text) <= most:
        return text
    cut = text[: most - 1]
    words = cut if text[most - 1].isspace() else cut.rpartition(" ")[0]
    return f"{(words or cut).rstrip(' ,;:–-')}…"
