"""The page that `to_onnx.py` prints, as text: one part for each thing it made."""

from collections.abc import Iterator
from pathlib import Path

from export.bundle import FILES
from export.eight_bit import EightBit
from export.held_out import Agreement
from export.proof import LIMIT, Proof
from export.tracing import OPSET
from training.model.classifier import BERTClassifier


def show_model(name: str, model: BERTClassifier) -> str:
    """What goes in."""
    config = model.config.encoder
    weights = sum(parameter.numel() for parameter in model.parameters())
    return _row(
        "checkpoint",
        name,
        f"{config.num_hidden_layers} layers × {config.num_attention_heads} heads, "
        f"{weights:,} weights, labels: {', '.join(model.config.labels)}",
    )


def show_proof(size: int, proof: Proof) -> str:
    """How far the float32 graph of `size` bytes is from torch, and whether its invariants hold."""
    verdict = "ok" if not proof.failures else "FAILED, see below"
    rows = [
        _row("graph", FILES["float32"], f"{_size(size)}, opset {OPSET}"),
        _row(
            "",
            "against torch",
            f"{len(proof.batches)} batches, limit {LIMIT:.0e} of the largest value",
        ),
        *(
            _row("", f"  {kind}", f"largest difference {difference:.1e}")
            for kind, difference in proof.differences.items()
        ),
        _row("", "invariants", f"rows sum to 1, padding gets 0, batch equals single: {verdict}"),
        _row("", "head_mask", f"ones change nothing, a zero removes one head: {verdict}"),
    ]
    return "\n".join(rows)


def show_eight_bit(small: EightBit, full_size: int) -> str:
    """What the 8-bit graph costs and buys, beside a float32 graph of `full_size` bytes."""
    size = small.model.ByteSize()
    rows = [_row("8 bit", FILES["8bit"], f"{_size(size)}, {size / full_size:.2f} of float32")]
    if small.agreement:
        rows += _agreement_rows(small.agreement)
    else:
        rows.append(_row("", "not compared", "no texts: give --examples or --held-out"))
    rows += [
        _row("", f"  time at {tokens} tokens", f"{ratio:.2f} of float32")
        for tokens, ratio in small.latency_ratio.items()
    ]
    return "\n".join(rows)


def show_bundle(out: Path) -> str:
    """Where the bundle lies, and what to do with it."""
    return _row("bundle", str(out), f"open it: python demo/app.py --bundle {out}")


def _agreement_rows(agreement: Agreement) -> Iterator[str]:
    kind = "held-out texts" if agreement.accuracy else "of the page's examples"
    yield _row("", "against float32", f"on {agreement.texts} {kind}")
    yield _row("", "  same label", f"{agreement.same_label:.2%}")
    if agreement.accuracy:
        before, after = agreement.accuracy
        yield _row("", "  accuracy", f"{after:.4f}, float32 {before:.4f}, {after - before:+.4f}")
    errors = agreement.map_error
    yield _row(
        "",
        "  map error (TV)",
        f"mean {errors['mean']:.4f}, 99th percentile {errors['p99']:.4f}, "
        f"largest {errors['max']:.4f}",
    )
    for name, difference in agreement.differences.items():
        yield _row("", f"  {name}", f"largest difference {difference:.1e}")


def _row(first: str, second: str, third: str) -> str:
    return f"{first:<10}  {second:<27}  {third}".rstrip()


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 1e5 else f"{count / 1e3:.1f} kB"
