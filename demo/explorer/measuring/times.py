"""Every analysis of the page on one text, to see what each takes."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from explorer.analyses.decoder_heads import decoder_head_effects
from explorer.analyses.faithfulness import trust
from explorer.analyses.head_ablation import head_effects, prune
from explorer.analyses.occlusion import occlusion
from explorer.analyses.smallest_flip import smallest_flip
from explorer.analyses.source_attribution import source_reliance
from explorer.analyses.word_pairs import pairs
from explorer.inference.cost import finish
from explorer.inference.encoder import Reading, Runner
from explorer.inference.generator import Writer
from explorer.inference.logits import Settings
from explorer.measuring.faithfulness import Text

_WRITTEN = 48
"""Tokens that a decoder writes at most."""

Named = Iterator[tuple[str, Callable[[], object]]]


def classifier_analyses(runner: Runner, reading: Reading) -> Named:
    """Those of the Classify tab by their names, each ready to be run."""
    label = int(np.argmax(reading.probabilities))
    yield "answer and maps", lambda: runner.read(reading.text, reading.text_pair)
    yield "occlusion", lambda: finish(occlusion(runner, reading, label, "deleted"))
    yield "pairs of words", lambda: finish(pairs(runner, reading, label, "deleted"))
    if runner.bundle.problem_type != "regression":
        yield "smallest flip", lambda: finish(smallest_flip(runner, reading, label, "deleted"))
    yield "trust", lambda: finish(trust(runner, reading, label, "deleted"))
    if runner.masks_heads:
        yield "effect of each head", lambda: finish(head_effects(runner, reading, label))
        yield "heads one after another", lambda: finish(prune(runner, reading, label))


def decoder_analyses(runner: Runner, writer: Writer, reading: Reading) -> Named:
    """Those of the Write tab."""
    *_, writing = writer.write(reading, Settings(max_tokens=_WRITTEN))
    yield "writing", lambda: list(writer.write(reading, Settings(max_tokens=_WRITTEN)))
    yield "source words taken away", lambda: finish(source_reliance(runner, writer, writing))
    yield "effect of the decoder's heads", lambda: finish(decoder_head_effects(writer, writing))


def all_analyses(runner: Runner, writer: Writer | None, text: Text) -> Named:
    """All that the page offers for this model and this text."""
    reading = runner.read(*text)
    if runner.bundle.classifies:
        yield from classifier_analyses(runner, reading)
    if writer is not None:
        yield from decoder_analyses(runner, writer, reading)


def text_of_length(runner: Runner, texts: Sequence[Text], tokens: int) -> Text:
    """The first words of the texts, one after another: as many as make at most so many tokens."""
    words = " ".join(text for text, _ in texts).split()
    few, many = 0, min(len(words), tokens)
    while few < many:
        middle = (few + many + 1) // 2
        encoded = runner.encode(" ".join(words[:middle]))
        fits = len(encoded.ids) + encoded.left_out <= tokens
        few, many = (middle, many) if fits else (few, middle - 1)
    return " ".join(words[:few]), ""


def seconds_of(analyses: Named) -> dict[str, float]:
    """How long each takes, run once."""
    taken = {}
    for name, run in analyses:
        started = time.perf_counter()
        run()
        taken[name] = time.perf_counter() - started
    return taken


def show_times(columns: Mapping[int, Mapping[str, float]]) -> str:
    """Seconds as a Markdown table: a row for each analysis, a column for each number of tokens."""
    names = list(dict.fromkeys(name for column in columns.values() for name in column))
    lines = [
        f"| seconds for | {' | '.join(f'{tokens} tokens' for tokens in columns)} |",
        "|---" + "|---:" * len(columns) + "|",
    ]
    for name in names:
        cells = [f"{column[name]:.3g}" if name in column else "" for column in columns.values()]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)
