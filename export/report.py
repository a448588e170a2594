"""The page that `to_onnx.py` prints, as text: one part for each thing it made."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from torch import nn

from bundle_format.graphs import ComparedTexts, GreedyTexts, MapError, ReadingGraph, WritingGraph
from export.bundle.card import ModelCard
from export.bundle.example_texts import example_texts
from export.eval_texts import HeldOut
from export.graphs.spec import DecoderSizes, EncoderSizes, untested
from export.graphs.tracing import OPSET, weights_bytes
from export.loading.checkpoint import LoadedCheckpoint, LoadedDecoder, LoadedEncoder
from export.loading.memory import free_memory, show_memory
from export.verification.checks import LIMIT, Checks


def show_checkpoint(name: str, loaded: LoadedCheckpoint) -> str:
    """What goes in, and what it leaves unsaid."""
    if loaded.encoder is None:
        rows = [_row("checkpoint", name, f"a decoder alone, {_decoder(loaded)}")]
    else:
        rows = [_row("checkpoint", name, _encoder(loaded.encoder))]
        if loaded.decoder:
            rows.append(_row("", "with a decoder", _decoder(loaded)))
    rows += [_row("", "assumed", sentence) for sentence in loaded.assumed]
    part = loaded.generator or loaded.reader
    if part.map_layers is not None:
        layers, most = ", ".join(map(str, part.map_layers)), part.sizes.num_hidden_layers - 1
        rows.append(_row("", "maps", f"of layers {layers} alone, of 0 to {most}: --layers"))
    if (size := weights_bytes(part.model)) >= _LARGE:
        rows.append(_row("", "memory", show_memory(size, free_memory())))
    return "\n".join(rows)


_LARGE = 2**28
"""Bytes of weights, below which nobody runs out of memory."""


def show_examples(card: ModelCard, given: Path | None, loaded: LoadedCheckpoint) -> str:
    """Which texts the page will offer to everybody, and how that is changed."""
    count = len(card.examples)
    sources = f", and {len(card.decoder.examples)} to write from" if card.decoder else ""
    if not count and not (card.decoder and card.decoder.examples):
        return _row("examples", "none", "give texts that may become public with --examples")
    ours = card.examples == example_texts(loaded.first)
    origin = "ours for such a model" if ours else "training.json"
    origin = given.name if given else f"{origin}; --no-examples leaves them out"
    return _row("examples", f"{count} texts{sources}", f"public with the bundle; of {origin}")


def show_encoder_proof(file: str, size: int, checks: Checks) -> str:
    """How far the float32 graph of `size` bytes is from torch, and whether its invariants hold."""
    holds = {
        "invariants": "rows sum to 1, padding gets 0, batch equals single",
        "head_mask": "ones change nothing, a zero removes one head",
    }
    return _proof("encoder", file, size, checks, holds)


def show_decoder_proof(
    file: str, size: int, checks: Checks, greedy: GreedyTexts, remark: str, beams: str = ""
) -> str:
    """As `show_encoder_proof`, of the decoder's graph, and of what both graphs write together.

    Args:
        remark: why the sources are not the training's own, where it had some.
        beams: what was found of texts by beam search, in words.
    """
    count, same = greedy.sources or 0, greedy.same_text or 0.0
    written = f"{round(same * count)} of {count} as torch writes, token for token"
    holds = {
        "steps": "give what torch's full pass gives",
        "invariants": "rows sum to 1, padding and the future get 0",
        "head masks": "ones change nothing, a zero removes one head",
        "greedy text": f"{written}; from {greedy.origin}",
        **({"beam text": beams} if beams else {}),
        **({"": remark} if remark else {}),
    }
    return _proof("decoder", file, size, checks, holds)


def show_untested(sizes: EncoderSizes | DecoderSizes) -> str:
    """That what was just proven is of a family without tests; empty where it has some."""
    return "\n".join(_row("", "remark", sentence) for sentence in untested(sizes))


def show_search() -> str:
    """While the texts of the training are read again, which may take a minute."""
    return _row("sources", "", "reading texts for the decoder to write from")


def show_encoder_8_bit(size: int, full_size: int, measured: ReadingGraph, task: str) -> str:
    """What the 8-bit graph of a task costs and buys, beside a float32 graph of `full_size`."""
    rows = [_size_row(measured.file, size, full_size)]
    if measured.held_out:
        rows += _compared_rows(measured.held_out, task)
        rows.append(_row("", "  map error (TV)", _errors(measured.map_error)))
        rows += _difference_rows(measured.difference_from_float32)
    else:
        rows.append(_row("", "not compared", "no texts: give --examples or --held-out"))
    rows += _time_rows("time at {} tokens", measured)
    return "\n".join(rows)


def show_measuring(held_out: HeldOut) -> str:
    """While both graphs read the held-out texts, which may take minutes."""
    return _row("8 bit", "measuring", _from(held_out.origin))


def show_profile(measured: ReadingGraph, others: float | None) -> str:
    """Which profile the 8-bit graph was held to, and which of its limits it misses.

    Args:
        others: the share of this machine that other programs used, if it made times doubtful.
    """
    misses = [*(measured.misses or ()), *(measured.latency_misses or ())]
    rows = []
    if weights := measured.integer_weights:
        rows.append(_row("", "integer weights", f"{weights.type}, {weights.reason}"))
    if others:
        remark = f"by processor time of one thread: others use {others:.0%} of this machine"
        rows.append(_row("", "times", remark))
    verdict = "MISSED" if misses else "all limits hold"
    if measured.not_measured:
        held = "MISSED" if misses else "all measured limits hold"
        verdict = f"{held}; not measured: {', '.join(measured.not_measured)}"
    rows.append(_row("", f"profile {measured.profile}", verdict))
    return "\n".join([*rows, *(_row("", "", miss) for miss in misses)])


_SMALL = 4_000_000
"""Bytes of a float32 graph, below which what 8 bit cannot touch is most of it."""


def show_options_after_a_miss(others: Iterable[str], size: int) -> str:
    """What can be done about missed limits.

    Args:
        others: profiles that it could be held to instead.
        size: bytes of the float32 graph.
    """
    ways = " or ".join(f"--profile {other}" for other in others)
    if size < _SMALL:
        ways = f"leave 8 bit out, by which a graph of {_size(size)} gains little"
    return _row("", "what to do", f"{ways}; --allow-miss to write it as it is")


def show_decoder_8_bit(size: int, full_size: int, measured: WritingGraph) -> str:
    """As `show_encoder_8_bit`, of the decoder's 8-bit graph behind the encoder's."""
    greedy, errors = measured.greedy, measured.map_error
    assert greedy, "8 bit is compared with float32 before it is shown"
    assert errors, "and so are its maps"
    rows = [
        _size_row(measured.file, size, full_size),
        _row("", "against float32", f"{greedy.sources} greedy texts; from {greedy.origin}"),
        _row("", "  same text", f"{greedy.same_text:.2%}"),
    ]
    if greedy.same_token is not None:
        rows.append(_row("", "  same token", f"{greedy.same_token:.2%}"))
    if greedy.divergence is not None:
        rows.append(_row("", "  divergence", f"{greedy.divergence:.4f} nats a token"))
    for kind in ("decoder_attentions", "cross_attentions"):
        if (error := getattr(errors, kind)) is not None:
            rows.append(_row("", f"  {kind}", f"map error (TV) {_errors(error)}"))
    rows += _difference_rows(measured.difference_from_float32)
    rows += _time_rows("step after {} tokens", measured)
    if measured.limits:
        misses = measured.misses or ()
        verdict = "MISSED" if misses else "all limits hold"
        rows.append(_row("", f"profile {measured.profile}", verdict))
        rows += [_row("", "", miss) for miss in misses]
    return "\n".join(rows)


def show_bundle(out: Path) -> str:
    """Where the bundle lies, and what to do with it."""
    return _row("bundle", str(out), f"open it: python demo/app.py --bundle {out}")


def show_triton(models: Iterable[Path]) -> str:
    """Where a Triton server finds the bundle's graphs."""
    return "\n".join(_row("triton", str(model), "") for model in models)


_ANSWERS = {
    "classify": "labels",
    "tag": "labels of tokens",
    "answer": "marks an answer in a text",
    "fill": "fills masks",
    "embed": "a vector of a text",
}


def _encoder(part: LoadedEncoder) -> str:
    answers = _ANSWERS.get(part.task, "no classifier")
    if part.labels:
        answers = f"{answers}: {', '.join(part.labels)}"
    if part.pooling:
        length = ", divided by its length" if part.pooling.normalize else ""
        answers = f"{answers}: {part.pooling.mode}{length}"
    return f"{_sizes(part.sizes, part.model.parameters())}, {answers}"


def _decoder(loaded: LoadedCheckpoint) -> str:
    if part := loaded.generator:
        reads = loaded.encoder.model if loaded.encoder else None
        own = set(part.model.parameters()) - set(reads.parameters() if reads else ())
        return _sizes(part.sizes, own)
    assert isinstance(loaded.decoder, LoadedDecoder), "there is a decoder"
    decoder, bridge = loaded.decoder.model.decoder, loaded.decoder.model.bridge
    widths = f", a bridge from {bridge.in_features} to {bridge.out_features}" if bridge else ""
    return f"{_sizes(decoder.config, decoder.parameters())}{widths}"


def _sizes(config: EncoderSizes | DecoderSizes, parameters: Iterable[nn.Parameter]) -> str:
    weights = sum(parameter.numel() for parameter in parameters)
    sizes = f"{config.num_hidden_layers} layers × {config.num_attention_heads} heads"
    return f"{sizes}, {weights:,} weights"


def _proof(part: str, file: str, size: int, checks: Checks, holds: Mapping[str, str]) -> str:
    batches = len(checks.batches)
    rows = [
        _row(part, file, f"{_size(size)}, opset {OPSET}"),
        _row("", "against torch", f"{batches} batches, limit {LIMIT:.0e} of the largest value"),
        *_difference_rows(checks.differences),
    ]
    if checks.not_tried:
        remark = "--max-tokens N keeps the page to fewer"
        rows.append(_row("", "not tried", f"{checks.not_tried}; {remark}"))
    rows += [_row("", what, how) for what, how in holds.items()]
    verdict = "all of it holds" if not checks.failures else "FAILED, see below"
    return "\n".join([*rows, _row("", "verdict", verdict)])


_SAME = {"tag": "same label of a token", "answer": "same span", "fill": "same word at a mask"}


def _compared_rows(texts: ComparedTexts, task: str) -> Iterator[str]:
    what = _SAME.get(task, "same label")
    yield _row("", "against float32", f"on {texts.texts}: {_from(texts.from_ or {})}")
    if texts.same_label is not None:
        yield _row("", f"  {what}", f"{texts.same_label:.2%}")
    if texts.cosine is not None and texts.least_cosine is not None:
        remark = f"mean {texts.cosine:.5f}, least {texts.least_cosine:.5f}"
        yield _row("", "  cosine with float32's vector", remark)
    before, after = texts.accuracy_float32, texts.accuracy_8bit
    if before is not None and after is not None:
        yield _row("", "  accuracy", f"{after:.4f}, float32 {before:.4f}, {after - before:+.4f}")


def _from(origin: Mapping[str, int]) -> str:
    return "; ".join(f"{count} of {name}" for name, count in origin.items())


def _difference_rows(differences: Mapping[str, float]) -> Iterator[str]:
    for kind, difference in differences.items():
        yield _row("", f"  {kind}", f"largest difference {difference:.1e}")


def _errors(errors: MapError | None) -> str:
    assert errors, "maps are compared before they are shown"
    return f"mean {errors.mean:.4f}, 99th percentile {errors.p99:.4f}, largest {errors.max:.4f}"


def _size_row(file: str, size: int, full_size: int) -> str:
    return _row("8 bit", file, f"{_size(size)}, {size / full_size:.2f} of float32")


def _time_rows(what: str, measured: ReadingGraph | WritingGraph) -> Iterator[str]:
    for tokens, share in (measured.latency_ratio or {}).items():
        remark = "" if share < 1 else ", not faster"
        yield _row("", f"  {what.format(tokens)}", f"{share:.2f} of float32{remark}")


def _row(first: str, second: str, third: str) -> str:
    return f"{first:<10}  {second:<31}  {third}".rstrip()


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 1e5 else f"{count / 1e3:.1f} kB"
