"""Opens a graph, and checks an encoder's by itself, without torch: form, shapes, maps, batches.

onnxruntime's warnings are on, and count as faults.
"""

import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from tokenizers import Tokenizer

from bundle_format.graphs import ReadingGraph, WritingGraph, WritingMapError
from bundle_format.schema import Example
from export.graphs.longest import longest_tried, not_tried
from export.graphs.names import GraphNames, classifier_names, encoder_feed
from export.graphs.spec import (
    EncoderSizes,
    EncoderSpec,
    is_foreign,
    pads_left,
)
from export.runtime.session import WARNING, Arrays, Run, open_session, run
from export.verification.checks import (
    Checks,
    check_maps,
    check_ones,
    check_shapes,
    check_texts_alone,
    kind_of,
    lengths_of,
    limit_of_float32,
)
from export.verification.inputs import (
    random_feed,
    sample_batches,
)


@contextmanager
def captured_stderr() -> Iterator[list[str]]:
    """Inside the block nothing of this process reaches stderr; after it the list holds the lines.

    The whole process is redirected, so nothing else may want to speak at the same time.
    """
    lines: list[str] = []
    sys.stderr.flush()
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as caught:
        os.dup2(caught.fileno(), 2)
        try:
            yield lines
        finally:
            sys.stderr.flush()
            os.dup2(stderr, 2)
            os.close(stderr)
            caught.seek(0)
            lines += caught.read().decode(errors="replace").splitlines()


_MEANT = "appears in graph inputs and will not be treated as constant"
"""onnxruntime's remark at load about inputs with a default, the head masks."""


@dataclass(frozen=True, kw_only=True)
class OpenedGraph:
    """A graph, its session, and what it must be like."""

    precision: str
    path: Path
    session: onnxruntime.InferenceSession
    names: GraphNames

    @property
    def run(self) -> Run:
        """Runs it in onnxruntime."""
        return partial(run, self.session)


@dataclass(frozen=True, kw_only=True)
class Trial:
    """Something to run a graph on in any runtime: one run, or the steps of a target."""

    title: str
    runs: Callable[[Run], Iterable[Arrays]]
    """Gives the outputs of each run."""
    large: bool = False
    """Whether it is at the model's limit."""


def open_graph(path: Path, precision: str, names: GraphNames, checks: Checks) -> OpenedGraph:
    """Opens a graph, after its form was checked.

    Raises:
        Exception: what onnx or onnxruntime raise when a file is no graph.
    """
    checks.check_form(onnx.load(path), names)
    with captured_stderr() as said:
        session = open_session(path, WARNING)
    others = [line for line in said if _MEANT not in line]
    checks.require(not others, f"onnxruntime warns at load: {_shortened(others)}")
    return OpenedGraph(precision=precision, path=path, session=session, names=names)


@contextmanager
def without_warnings(checks: Checks) -> Iterator[None]:
    """Notes what onnxruntime logs while graphs run inside the block."""
    with captured_stderr() as said:
        yield
    checks.require(not said, f"onnxruntime warns when the graph runs: {_shortened(said)}")


def limits_of(
    precision: str, entry: ReadingGraph | WritingGraph
) -> Callable[[str, np.ndarray], float]:
    """How far two runs of a graph may be apart, in other batches, pieces or runtimes.

    In 8 bit, each of the two may be as far from float32 as `bundle.json` states of the texts that
    it was measured on, so both together twice as far, and never less than float32 by its rounding.
    Outputs of which it states nothing (hidden states, norms, keys and values) have no limit: they
    are compared, shown and not judged.

    Args:
        entry: the graph's in `bundle.json`.
    """
    if precision == "float32":
        return limit_of_float32
    stated = dict(entry.difference_from_float32)
    # A single weight moves at most as far as the total variation of its row.
    error = entry.map_error
    errors = vars(error) if isinstance(error, WritingMapError) else {"encoder_attentions": error}
    stated |= {kind: one.max for kind, one in errors.items() if one and one.max is not None}

    def limit_of_8bit(name: str, reference: np.ndarray) -> float:
        apart = 2 * float(stated.get(kind_of(name), np.inf))
        return max(apart, limit_of_float32(name, reference))

    return limit_of_8bit


def _shortened(lines: list[str]) -> str:
    return f"{lines[0]} ({len(lines)} lines)" if lines else ""


EXAMPLES, LONGEST_EXAMPLE = 4, 48
"""How many of a bundle's examples are read, and how far."""


def example_feed(
    folder: Path, examples: Sequence[Example], config: EncoderSizes
) -> tuple[str, dict[str, np.ndarray]]:
    """The first of a bundle's examples as one padded batch, and what it is; else random ids."""
    if not examples:
        tokens = min(17, config.max_position_embeddings)
        side = "left" if pads_left(config) else "right"
        return f"3 x {tokens} random tokens", random_feed(config, 3, tokens, side)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(min(LONGEST_EXAMPLE, config.max_position_embeddings))
    encoded = tokenizer.encode_batch(
        [(one.text, one.text_pair) if one.text_pair else one.text for one in examples[:EXAMPLES]]
    )
    lengths = [len(one.ids) for one in encoded]
    shape = (len(encoded), max(lengths))
    ids = np.full(shape, config.pad_token_id or 0, np.int64)
    mask, segments = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    for row, (one, length) in enumerate(zip(encoded, lengths, strict=True)):
        at = slice(shape[1] - length, None) if pads_left(config) else slice(length)
        ids[row, at], mask[row, at], segments[row, at] = one.ids, 1, one.type_ids
    feed = encoder_feed(classifier_names(config, None).inputs, ids, mask, segments)
    return f"{shape[0]} x {shape[1]} tokens of the examples", feed


def check_batches(
    run: Run,
    names: GraphNames,
    batches: Iterable[tuple[str, Arrays]],
    checks: Checks,
    *,
    expected: Callable[[Arrays], Arrays] | None = None,
    exact: Callable[[Arrays], Arrays] | None = None,
    real_rows: bool = False,
) -> None:
    """Runs an encoder's graph on batches, and asks what must hold of every output.

    Args:
        batches: what each is, in words, and the graph's inputs.
        expected: gives torch's outputs of a batch, where they are to be compared.
        exact: as `expected`, in float64; see `Checks.compare`.
        real_rows: as in `check_maps`.
    """
    for title, feed in batches:
        checks.batches.append(title)
        with checks.guard(title):
            found = run(feed)
            if expected:
                judge = partial(exact, feed) if exact else None
                checks.compare(expected(feed), found, title, exact=judge)
            check_maps(found, feed["attention_mask"], title, checks, real_rows=real_rows)
            check_shapes(found, lengths_of(feed, names.inputs), names, title, checks)


def check_encoder(
    graph: OpenedGraph,
    config: EncoderSizes,
    max_tokens: int,
    real: tuple[str, Arrays],
    checks: Checks,
) -> list[Trial]:
    """Checks an encoder's graph by itself, and gives what the other runtimes are tried on.

    Args:
        max_tokens: the longest text that the bundle reads.
        real: a batch of texts and its title.
    """
    title, texts = real
    checks.not_tried = not_tried(config, max_tokens)
    trials = [Trial(title=title, runs=partial(_one_run, feed=texts))]
    with without_warnings(checks):
        batches = [*sample_batches(config, max_tokens), real]
        foreign = is_foreign(config)
        check_batches(graph.run, graph.names, batches, checks, real_rows=foreign)
        if not isinstance(config, EncoderSpec) or config.alone:
            with checks.guard(f"{title}, each by itself"):
                check_texts_alone(graph.run, texts, checks)
        with checks.guard(f"{title}, with a head_mask of ones"):
            check_ones(
                graph.run(texts),
                lambda masks: graph.run({**texts, **masks}),
                graph.names.optional,
                checks,
            )
    random = _random_trials(config, max_tokens) if graph.precision == "float32" else []
    return trials + random


def _random_trials(config: EncoderSizes, max_tokens: int) -> list[Trial]:
    """Ids that no text has are far outside of what 8 bit was measured on: for float32 alone."""
    limit = longest_tried(config, max_tokens)
    if isinstance(config, EncoderSpec) and config.rounds_farthest:
        limit = max(1, limit - 1)
    middle = min(17, limit)
    nothing = [] if is_foreign(config) else [(2, middle, "everything")]
    shapes = ((1, 1, "none"), (3, middle, "left"), *nothing, (1, limit, "none"))
    return [
        Trial(
            title=f"{batch} x {tokens} tokens, padding: {padding}",
            runs=partial(_one_run, feed=random_feed(config, batch, tokens, padding)),
            large=tokens == limit > middle,
        )
        for batch, tokens, padding in shapes
    ]


def _one_run(run: Run, feed: Arrays) -> list[Arrays]:
    return [run(feed)]
