"""Checks a decoder's graph by itself, without torch: behind a source or alone, by cached steps."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

from bundle_format.schema import Example
from export.graphs.longest import longest_tried, not_tried
from export.graphs.names import GraphNames, empty_cache
from export.graphs.spec import DecoderSizes, DecoderSpec
from export.runtime.session import Arrays, Run, run
from export.runtime.strategies import graph_next_logits, write_greedily
from export.verification.checks import (
    Checks,
    check_maps,
    check_ones,
    check_shapes,
    check_targets_alone,
)
from export.verification.graphs import (
    EXAMPLES,
    LONGEST_EXAMPLE,
    OpenedGraph,
    Trial,
    without_warnings,
)
from export.verification.inputs import (
    Prompt,
    Sample,
    Text,
    draw_prompt,
    part_of,
    run_steps,
    sample_batch,
    sample_prompts,
    sample_targets,
    spans,
    steps,
)

_WRITTEN = 6
"""Tokens that the decoder writes of each example, to be followed then in other ways."""


def written_sample(
    encoder: onnxruntime.InferenceSession,
    decoder: onnxruntime.InferenceSession,
    texts: Arrays,
    config: DecoderSizes,
    start: int,
) -> Sample:
    """Sources that were read by the bundle's encoder, and what its decoder writes of them.

    Args:
        texts: a batch for the encoder.
        start: the id of the token that begins a target.
    """
    hidden, mask = run(encoder, texts)["last_hidden_state"], texts["attention_mask"]
    most = min(_WRITTEN, config.max_position_embeddings - 1)
    step = graph_next_logits(decoder, hidden, mask)
    written = write_greedily(step, len(mask), start=start, end=None, most=most)
    target = np.array([[start, *row] for row in written], np.int64)
    alone = min(3, most)
    pieces = (target.shape[1] - alone, *[1] * alone)
    return Sample(source=hidden, mask=mask, target=target, pieces=pieces)


def check_targets(
    run: Run,
    empty: Callable[[int], Arrays],
    names: GraphNames,
    samples: Iterable[Text],
    checks: Checks,
    *,
    expected: Callable[[Any], Arrays] = lambda _: {},
    exact: Callable[[Any], Arrays] | None = None,
    source: str = "torch",
) -> None:
    """Runs a decoder's graph by cached steps, and asks what must hold of every step.

    Args:
        empty: gives the past of a batch that is about to begin.
        expected: gives what one run over a whole target must give, of which each step must give its
            part; empty where that is not compared.
        exact: as `expected`, in float64; see `Checks.compare`.
        source: what gave that.
    """
    for sample in samples:
        checks.batches.append(sample.title)
        with checks.guard(sample.title):
            whole, past = expected(sample), empty(len(sample.target))
            found_steps = steps(run, past, sample)
            for (start, stop), found in zip(spans(sample, past), found_steps, strict=True):
                title = f"{sample.title}, tokens {start + 1} to {stop}"

                checks.compare(
                    _step_of(whole, sample, start, stop),
                    sample.real(found, start, stop),
                    title,
                    source=source,
                    exact=partial(_exact_step, exact, sample, start, stop) if exact else None,
                )
                alone = isinstance(sample, Prompt)
                mask = sample.mask[:, :stop] if alone else sample.mask
                check_maps(found, mask, title, checks, real_rows=alone)
                check_shapes(found, sample.lengths(start, stop), names, title, checks)


def _step_of(whole: Arrays, text: Text, start: int, stop: int) -> Arrays:
    """What a step must give, cut from the full pass."""
    return text.real(part_of(whole, start, stop), start, stop)


def _exact_step(exact: Callable[[Any], Arrays], text: Text, start: int, stop: int) -> Arrays:
    return _step_of(exact(text), text, start, stop)


def check_decoder(
    graph: OpenedGraph, config: DecoderSizes, max_tokens: int, real: Text, checks: Checks
) -> list[Trial]:
    """Checks a decoder's graph by itself, and gives what the other runtimes are tried on.

    Args:
        max_tokens: the longest target that the bundle writes.
        real: what the decoder wrote itself of real texts.
    """
    checks.not_tried = not_tried(config, max_tokens)
    empty = partial(empty_cache, graph.session)
    samples, batch = _random_texts(graph, config, max_tokens)
    with without_warnings(checks):
        check_targets(
            *(graph.run, empty, graph.names, [*samples, real], checks),
            expected=partial(_in_one_run, graph, real),
            source="one run over the whole target",
        )
        with checks.guard(f"{real.title}, each by itself"):
            check_targets_alone(graph.run, empty, real, checks)
        with checks.guard(f"{real.title}, with head masks of ones"):
            check_ones_of_steps(graph.session, graph.names, real, checks)
    tried: list[Text] = [real]
    if graph.precision == "float32":
        tried += [batch, samples[-1]]
    longest = longest_tried(config, max_tokens)
    return [
        Trial(
            title=sample.title,
            runs=partial(steps, empty=empty(len(sample.target)), sample=sample),
            large=sample.target.shape[1] == longest,
        )
        for sample in tried
    ]


def _random_texts(
    graph: OpenedGraph, config: DecoderSizes, max_tokens: int
) -> tuple[Sequence[Text], Text]:
    """Texts of all kinds for a decoder, and a batch of two short ones."""
    if isinstance(config, DecoderSpec) and config.alone:
        return sample_prompts(config, max_tokens), draw_prompt(config, 2, (4, 1))
    width = graph.names.inputs["encoder_hidden_states"][-1]
    assert isinstance(width, int), "a model fixes how wide its hidden states are"
    return sample_targets(config, width, max_tokens), sample_batch(config, width)


def _in_one_run(graph: OpenedGraph, real: Text, sample: Text) -> Arrays:
    """What the graph gives of a whole target at once; nothing where that proves nothing.

    8 bit was measured on real texts; random ids and states are for float32 alone.
    """
    exact = sample is real or graph.precision == "float32"
    if not exact or len(sample.pieces) == 1:
        return {}
    (whole,) = run_steps(graph.session, sample.in_one_piece())
    return whole


def check_ones_of_steps(
    session: onnxruntime.InferenceSession, names: GraphNames, sample: Text, checks: Checks
) -> None:
    """Head masks of ones change nothing of the last step."""
    *_, plain = run_steps(session, sample)
    check_ones(
        *(plain, lambda masks: list(run_steps(session, sample, masks))[-1]),
        *(names.optional, checks),
    )


def continued_sample(
    folder: Path,
    examples: Sequence[Example],
    decoder: onnxruntime.InferenceSession,
    config: DecoderSpec,
) -> Prompt:
    """The first of a bundle's prompts, padded on the left, and what its decoder, which is alone,
    writes behind them; without any, random tokens."""
    alone = min(3, config.max_position_embeddings - 1)
    ids, mask = _prompts(folder, examples, config, config.max_position_embeddings - alone)
    prompts = Prompt(
        target=ids, mask=mask, pieces=(ids.shape[1],), positions=config.takes_positions
    )
    for _ in range(alone):
        *_, found = run_steps(decoder, prompts)
        newest = found["logits"][:, -1].argmax(axis=-1)[:, None]
        prompts = replace(
            prompts,
            target=np.concatenate([prompts.target, newest], axis=1),
            mask=np.concatenate([prompts.mask, np.ones_like(newest)], axis=1),
            pieces=(*prompts.pieces, 1),
        )
    return prompts


def _prompts(
    folder: Path, examples: Sequence[Example], config: DecoderSpec, most: int
) -> tuple[np.ndarray, np.ndarray]:
    """Token ids and mask of the first of the prompts, each (batch, tokens)."""
    if not examples:
        drawn = draw_prompt(config, 3, (min(9, most),))
        return drawn.target, drawn.mask
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(min(LONGEST_EXAMPLE, most))
    rows = [one.ids for one in tokenizer.encode_batch([e.text for e in examples[:EXAMPLES]])]
    longest = max(map(len, rows))
    ids = np.full((len(rows), longest), config.pad_token_id, np.int64)
    mask = np.zeros_like(ids)
    for row, found in enumerate(rows):
        ids[row, longest - len(found) :], mask[row, longest - len(found) :] = found, 1
    return ids, mask
