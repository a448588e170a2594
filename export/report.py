"""The page that `to_onnx.py` prints, as text: one part for each thing it made."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from export.bundle.files import DECODER_FILES, ENCODER_FILES
from export.bundle.write import Card
from export.eval_texts import HeldOut, Sources
from export.graphs.encoder import encoder_of
from export.graphs.tracing import OPSET
from export.loading import DecoderPart, EncoderPart, Parts
from export.quantize.agreement import DecoderAgreement, EncoderAgreement
from export.quantize.schemes import EightBit
from export.verification.checks import LIMIT, Proof
from training.model.classifier import BERTClassifier


def show_parts(name: str, parts: Parts) -> str:
    """What goes in, and what it leaves unsaid."""
    rows = [_row("checkpoint", name, _encoder(parts.encoder))]
    if parts.decoder:
        rows.append(_row("", "with a decoder", _decoder(parts.decoder)))
    rows += [_row("", "assumed", sentence) for sentence in parts.assumed]
    return "\n".join(rows)


def show_examples(card: Card, given: Path | None) -> str:
    """Which texts the page will offer to everybody, and how that is changed."""
    count = len(card.examples)
    sources = f", and {len(card.decoder.examples)} to write from" if card.decoder else ""
    if not count and not (card.decoder and card.decoder.examples):
        return _row("examples", "none", "give texts that may become public with --examples")
    origin = given.name if given else "training.json; --no-examples leaves them out"
    return _row("examples", f"{count} texts{sources}", f"public with the bundle; of {origin}")


def show_encoder_proof(size: int, proof: Proof) -> str:
    """How far the float32 graph of `size` bytes is from torch, and whether its invariants hold."""
    return "\n".join(
        [
            *_proof_rows("encoder", ENCODER_FILES["float32"], size, proof),
            _row("", "invariants", "rows sum to 1, padding gets 0, batch equals single"),
            _row("", "head_mask", "ones change nothing, a zero removes one head"),
            _verdict(proof),
        ]
    )


def show_decoder_proof(size: int, proof: Proof, sources: Sources, same_text: float) -> str:
    """As `show_encoder_proof`, of the decoder's graph, and of what both graphs write together."""
    count = len(sources.texts)
    return "\n".join(
        [
            *_proof_rows("decoder", DECODER_FILES["float32"], size, proof),
            _row("", "cached steps", "give what torch's full pass gives"),
            _row("", "invariants", "rows sum to 1, padding and the future get 0"),
            _row("", "head masks", "ones change nothing, a zero removes one head"),
            _row(
                "",
                "greedy text",
                f"{round(same_text * count)} of {count} as torch writes, token for token; from "
                f"{sources.origin}",
            ),
            *([_row("", "", sources.remark)] if sources.remark else []),
            _verdict(proof),
        ]
    )


def show_search() -> str:
    """While the texts of the training are read again, which may take a minute."""
    return _row("sources", "", "reading texts for the decoder to write from")


def show_encoder_8_bit(
    size: int, full_size: int, agreement: EncoderAgreement | None, shares: Mapping[int, float]
) -> str:
    """What the encoder's 8-bit graph costs and buys, beside a float32 graph of `full_size`."""
    rows = [_size_row(ENCODER_FILES["8bit"], size, full_size)]
    if agreement:
        rows += _encoder_rows(agreement)
    else:
        rows.append(_row("", "not compared", "no texts: give --examples or --held-out"))
    rows += [_time_row(f"time at {tokens} tokens", share) for tokens, share in shares.items()]
    return "\n".join(rows)


def show_measuring(held_out: HeldOut) -> str:
    """While both graphs read the held-out texts, which may take minutes."""
    return _row("8 bit", "measuring", _from(held_out.origin))


def show_profile(
    eight_bit: EightBit,
    misses: Sequence[str],
    not_measured: Sequence[str],
    others: float | None,
) -> str:
    """Which profile the 8-bit graph was held to, and which of its limits it misses.

    Args:
        not_measured: the limits of which nothing is known.
        others: the share of this machine that other programs used, if it made times doubtful.
    """
    weights = eight_bit.integer_weights
    rows = [_row("", "integer weights", f"{weights.type}, {weights.reason}")]
    if others:
        remark = f"by processor time of one thread: others use {others:.0%} of this machine"
        rows.append(_row("", "times", remark))
    verdict = "MISSED" if misses else "all limits hold"
    if not_measured:
        held = "MISSED" if misses else "all measured limits hold"
        verdict = f"{held}; not measured: {', '.join(not_measured)}"
    rows.append(_row("", f"profile {eight_bit.name}", verdict))
    return "\n".join([*rows, *(_row("", "", miss) for miss in misses)])


def show_way_out(name: str, profiles: Iterable[str]) -> str:
    """What can be done about missed limits."""
    others = " or ".join(f"--profile {other}" for other in profiles if other != name)
    return _row("", "what to do", f"{others}; --allow-miss to write it as it is")


def show_decoder_8_bit(
    size: int, full_size: int, agreement: DecoderAgreement, shares: Mapping[int, float]
) -> str:
    """As `show_encoder_8_bit`, of the decoder's 8-bit graph behind the encoder's."""
    count, origin = len(agreement.sources.texts), agreement.sources.origin
    rows = [
        _size_row(DECODER_FILES["8bit"], size, full_size),
        _row("", "against float32", f"{count} greedy texts; from {origin}"),
        _row("", "  same text", f"{agreement.same_text:.2%}"),
        *(
            _row("", f"  {kind}", f"map error (TV) {_errors(errors)}")
            for kind, errors in agreement.map_error.items()
        ),
        *_difference_rows(agreement.differences),
    ]
    rows += [_time_row(f"step after {past} tokens", share) for past, share in shares.items()]
    return "\n".join(rows)


def show_bundle(out: Path) -> str:
    """Where the bundle lies, and what to do with it."""
    return _row("bundle", str(out), f"open it: python demo/app.py --bundle {out}")


def show_triton(models: Iterable[Path]) -> str:
    """Where a Triton server finds the bundle's graphs."""
    return "\n".join(_row("triton", str(model), "") for model in models)


def _encoder(part: EncoderPart) -> str:
    config = encoder_of(part.model).config
    weights = sum(parameter.numel() for parameter in part.model.parameters())
    sizes = f"{config.num_hidden_layers} layers × {config.num_attention_heads} heads"
    answers = (
        f"labels: {', '.join(part.model.config.labels)}"
        if isinstance(part.model, BERTClassifier)
        else "no classifier"
    )
    return f"{sizes}, {weights:,} weights, {answers}"


def _decoder(part: DecoderPart) -> str:
    config = part.model.decoder.config
    weights = sum(parameter.numel() for parameter in part.model.decoder.parameters())
    bridge = part.model.bridge
    widths = f", a bridge from {bridge.in_features} to {bridge.out_features}" if bridge else ""
    return (
        f"{config.num_hidden_layers} layers × {config.num_attention_heads} heads, "
        f"{weights:,} weights{widths}"
    )


def _proof_rows(first: str, file: str, size: int, proof: Proof) -> Iterator[str]:
    yield _row(first, file, f"{_size(size)}, opset {OPSET}")
    batches = len(proof.batches)
    yield _row("", "against torch", f"{batches} batches, limit {LIMIT:.0e} of the largest value")
    yield from _difference_rows(proof.differences)
    if proof.not_tried:
        yield _row("", "not tried", f"{proof.not_tried}; --max-tokens N keeps the page to fewer")


def _verdict(proof: Proof) -> str:
    verdict = "all of it holds" if not proof.failures else "FAILED, see below"
    return _row("", "verdict", verdict)


def _encoder_rows(agreement: EncoderAgreement) -> Iterator[str]:
    yield _row("", "against float32", f"on {agreement.texts}: {_from(agreement.origin)}")
    if agreement.same_label is not None:
        yield _row("", "  same label", f"{agreement.same_label:.2%}")
    if agreement.accuracy:
        before, after = agreement.accuracy
        yield _row("", "  accuracy", f"{after:.4f}, float32 {before:.4f}, {after - before:+.4f}")
    yield _row("", "  map error (TV)", _errors(agreement.map_error))
    yield from _difference_rows(agreement.differences)


def _from(origin: Mapping[str, int]) -> str:
    return "; ".join(f"{count} of {name}" for name, count in origin.items())


def _difference_rows(differences: Mapping[str, float]) -> Iterator[str]:
    for kind, difference in differences.items():
        yield _row("", f"  {kind}", f"largest difference {difference:.1e}")


def _errors(errors: Mapping[str, float]) -> str:
    return (
        f"mean {errors['mean']:.4f}, 99th percentile {errors['p99']:.4f}, "
        f"largest {errors['max']:.4f}"
    )


def _size_row(file: str, size: int, full_size: int) -> str:
    return _row("8 bit", file, f"{_size(size)}, {size / full_size:.2f} of float32")


def _time_row(what: str, share: float) -> str:
    remark = "" if share < 1 else ", not faster"
    return _row("", f"  {what}", f"{share:.2f} of float32{remark}")


def _row(first: str, second: str, third: str) -> str:
    return f"{first:<10}  {second:<31}  {third}".rstrip()


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 1e5 else f"{count / 1e3:.1f} kB"
