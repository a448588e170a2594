"""Checks one graph by itself, without torch: form, shapes, maps, batches, masks, cached steps.

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

from export.bundle.schema import Example, MapError, ReadingGraph, WritingGraph, WritingMapError
from export.graphs.longest import longest_read, longest_written, not_read, not_written
from export.graphs.names import GraphNames, make_past
from export.runtime.greedy import graph_steps, write_greedily
from export.runtime.session import WARNING, Arrays, Run, open_session, run
from export.verification.checks import (
    Proof,
    check_maps,
    check_ones,
    check_shapes,
    check_step,
    check_targets_alone,
    check_texts_alone,
    kind_of,
    lengths_of,
    limit_of_float32,
)
from export.verification.inputs import (
    Sample,
    part_of,
    random_feed,
    run_steps,
    sample_batch,
    sample_batches,
    sample_targets,
    steps,
)
from training.model.config import DecoderConfig, EncoderConfig


@contextmanager
def remarks() -> Iterator[list[str]]:
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
    model: onnx.ModelProto
    session: onnxruntime.InferenceSession
    names: GraphNames

    @property
    def run(self) -> Run:
        """Runs it in onnxruntime."""
        return partial(run, self.session)


@dataclass(frozen=True, kw_only=True)
class Case:
    """Something to run a graph on in any runtime: one run, or the steps of a target."""

    title: str
    runs: Callable[[Run], Iterable[Arrays]]
    """Gives the outputs of each run."""
    large: bool = False
    """Whether it is at the model's limit."""


def open_graph(path: Path, precision: str, names: GraphNames, proof: Proof) -> OpenedGraph:
    """Opens a graph, after its form was checked.

    Raises:
        Exception: what onnx or onnxruntime raise when a file is no graph.
    """
    model = onnx.load(path)
    proof.check_form(model, names)
    with remarks() as said:
        session = open_session(path, WARNING)
    others = [line for line in said if _MEANT not in line]
    proof.expect(not others, f"onnxruntime warns at load: {_shortened(others)}")
    return OpenedGraph(precision=precision, path=path, model=model, session=session, names=names)


@contextmanager
def without_warnings(proof: Proof) -> Iterator[None]:
    """Notes what onnxruntime logs while graphs run inside the block."""
    with remarks() as said:
        yield
    proof.expect(not said, f"onnxruntime warns when the graph runs: {_shortened(said)}")


def limits_of(
    precision: str, entry: ReadingGraph | WritingGraph
) -> Callable[[str, np.ndarray], float]:
    """How far two runs of a graph may be apart, in other batches, pieces or runtimes.

    In 8 bit, each of the two may be as far from float32 as `bundle.json` states of the texts that
    it was measured on, so both together twice as far. Outputs of which it states nothing (hidden
    states, norms, keys and values) have no limit: they are compared, shown and not judged.

    Args:
        entry: the graph's in `bundle.json`.
    """
    if precision == "float32":
        return limit_of_float32
    stated = dict(entry.difference_from_float32)
    # A single weight moves at most as far as the total variation of its row.
    error = entry.map_error
    errors: dict[str, MapError | None]
    errors = {"encoder_attentions": error} if isinstance(error, MapError) else {}
    if isinstance(error, WritingMapError):
        errors = {
            "decoder_attentions": error.decoder_attentions,
            "cross_attentions": error.cross_attentions,
        }
    stated |= {kind: one.max for kind, one in errors.items() if one and one.max is not None}

    return lambda name, _: 2 * float(stated.get(kind_of(name), np.inf))


def _shortened(lines: list[str]) -> str:
    return f"{lines[0]} ({len(lines)} lines)" if lines else ""


_TEXTS, _TOKENS = 4, 48
"""How many of a bundle's examples are read, and how far."""


def example_feed(
    folder: Path, examples: Sequence[Example], config: EncoderConfig
) -> tuple[str, dict[str, np.ndarray]]:
    """The first of a bundle's examples as one padded batch, and what it is; else random ids."""
    if not examples:
        tokens = min(17, config.max_position_embeddings)
        return f"3 x {tokens} random tokens", random_feed(config, 3, tokens, "right")
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(min(_TOKENS, config.max_position_embeddings))
    encoded = tokenizer.encode_batch([_text(example) for example in examples[:_TEXTS]])
    lengths = [len(one.ids) for one in encoded]
    shape = (len(encoded), max(lengths))
    feed = {
        "input_ids": np.full(shape, config.pad_token_id or 0, np.int64),
        "attention_mask": np.zeros(shape, np.int64),
    }
    if config.has_segments:
        feed["token_type_ids"] = np.zeros(shape, np.int64)
    for row, (one, length) in enumerate(zip(encoded, lengths, strict=True)):
        feed["input_ids"][row, :length] = one.ids
        feed["attention_mask"][row, :length] = 1
        if config.has_segments:
            feed["token_type_ids"][row, :length] = one.type_ids
    return f"{shape[0]} x {shape[1]} tokens of the examples", feed


def recheck_encoder(
    graph: OpenedGraph,
    config: EncoderConfig,
    max_tokens: int,
    real: tuple[str, Arrays],
    proof: Proof,
) -> list[Case]:
    """Runs the matrix of batches, and gives what the other runtimes are tried on.

    Args:
        max_tokens: the longest text that the bundle reads.
        real: a batch of texts and its title.
    """
    title, texts = real
    proof.not_tried = not_read(config, max_tokens)
    cases = [Case(title=title, runs=lambda run: [run(texts)])]
    with without_warnings(proof):
        for name, feed in [*sample_batches(config, max_tokens), real]:
            proof.batches.append(name)
            with proof.attempt(name):
                found = graph.run(feed)
                check_maps(found, feed, name, proof)
                lengths = lengths_of(feed, graph.names.inputs)
                check_shapes(found, lengths, graph.names, name, proof)
        with proof.attempt(f"{title}, each by itself"):
            check_texts_alone(graph.run, texts, proof)
        with proof.attempt(f"{title}, with a head_mask of ones"):
            check_ones(
                graph.run(texts),
                lambda masks: graph.run({**texts, **masks}),
                graph.names.optional,
                proof,
            )
    random = _random_cases(config, max_tokens) if graph.precision == "float32" else []
    return cases + random


def _random_cases(config: EncoderConfig, max_tokens: int) -> list[Case]:
    """Ids that no text has are far outside of what 8 bit was measured on: for float32 alone."""
    limit = longest_read(config, max_tokens)
    middle = min(17, limit)
    shapes = ((1, 1, "none"), (3, middle, "left"), (2, middle, "everything"), (1, limit, "none"))
    return [
        _random_case(config, batch, tokens, padding, large=tokens == limit > middle)
        for batch, tokens, padding in shapes
    ]


def _random_case(
    config: EncoderConfig, batch: int, tokens: int, padding: str, *, large: bool
) -> Case:
    feed = random_feed(config, batch, tokens, padding)
    title = f"{batch} x {tokens} tokens, padding: {padding}"
    return Case(title=title, runs=lambda run: [run(feed)], large=large)


def _text(example: Example) -> str | tuple[str, str]:
    return (example.text, example.text_pair) if example.text_pair else example.text


_WRITTEN = 6
"""Tokens that the decoder writes of each example, to be followed then in other ways."""


def written_sample(
    encoder: onnxruntime.InferenceSession,
    decoder: onnxruntime.InferenceSession,
    texts: Arrays,
    config: DecoderConfig,
    start: int,
) -> Sample:
    """Sources that were read by the bundle's encoder, and what its decoder writes of them.

    Args:
        texts: a batch for the encoder.
        start: the id of the token that begins a target.
    """
    hidden, mask = run(encoder, texts)["last_hidden_state"], texts["attention_mask"]
    most = min(_WRITTEN, config.max_position_embeddings - 1)
    step = graph_steps(decoder, hidden, mask)
    written = write_greedily(step, len(mask), start=start, end=None, most=most)
    target = np.array([[start, *row] for row in written], np.int64)
    alone = min(3, most)
    pieces = (target.shape[1] - alone, *[1] * alone)
    return Sample(source=hidden, mask=mask, target=target, pieces=pieces)


def recheck_decoder(
    graph: OpenedGraph,
    config: DecoderConfig,
    max_tokens: int,
    width: int,
    real: Sample,
    proof: Proof,
) -> list[Case]:
    """Runs the matrix of targets, and gives what the other runtimes are tried on.

    Args:
        max_tokens: the longest target that the bundle writes.
        width: of the encoder's hidden states.
        real: what the decoder wrote itself of real sources.
    """
    proof.not_tried = not_written(config, max_tokens)
    with without_warnings(proof):
        samples = sample_targets(config, width, max_tokens)
        for sample in [*samples, real]:
            proof.batches.append(sample.title)
            # 8 bit was measured on real texts; random ids and states are for float32 alone.
            exact = sample is real or graph.precision == "float32"
            with proof.attempt(sample.title):
                _check_steps(graph, sample, exact, proof)
        with proof.attempt(f"{real.title}, each by itself"):
            check_targets_alone(graph.run, partial(make_past, graph.session), real, proof)
        with proof.attempt(f"{real.title}, with head masks of ones"):
            *_, plain = run_steps(graph.session, real)
            check_ones(
                plain,
                lambda masks: list(run_steps(graph.session, real, masks))[-1],
                graph.names.optional,
                proof,
            )
    tried = [real]
    if graph.precision == "float32":
        tried += [sample_batch(config, width), samples[-1]]
    longest = longest_written(config, max_tokens)
    return [_case(graph, sample, large=sample.target.shape[1] == longest) for sample in tried]


def _check_steps(graph: OpenedGraph, sample: Sample, exact: bool, proof: Proof) -> None:
    """Every step by itself; and, if `exact`, as the part of one run over the whole target."""
    (whole,) = run_steps(graph.session, sample.in_one_piece()) if exact else ({},)
    start = 0
    for piece, found in zip(sample.pieces, run_steps(graph.session, sample), strict=True):
        stop = start + piece
        title = f"{sample.title}, tokens {start + 1} to {stop}"
        check_step(found, sample, title, proof)
        batch, source = sample.mask.shape
        lengths = {"batch": batch, "source": source, "target": piece, "past": start}
        check_shapes(found, lengths, graph.names, title, proof)
        if len(sample.pieces) > 1:
            cut = part_of(whole, start, stop)
            proof.compare(cut, found, title, source="one run over the whole target")
        start = stop


def _case(graph: OpenedGraph, sample: Sample, *, large: bool) -> Case:
    empty = make_past(graph.session, len(sample.target))
    return Case(
        title=sample.title,
        runs=lambda run: steps(run, empty, sample),
        large=large,
    )
