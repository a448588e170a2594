"""The pages that `train_hybrid.py` prints, as text; a sibling of `report.py`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from training.classifier_kept import ClassifierKept
from training.cleaning import PARTS
from training.corruption import KINDS
from training.fit_hybrid import Look
from training.hybrid_run import MeasuredHybrid, Shown
from training.hybrid_start import PreparedHybrid
from training.lines import line, one_line
from training.precision import multiplies_bfloat16
from training.vocabulary import show_unknown

_SAMPLE = 300  # characters of a text: a long sentence is whole


def show_hybrid_start(prepared: PreparedHybrid, *, quick: bool) -> str:
    """What is trained on what, before it starts."""
    recipe, model, data = prepared.recipe, prepared.rewriter.model, prepared.task.describe()
    source = data["source"] if isinstance(data["source"], str) else ", ".join(data["source"])
    sizes = " · ".join(f"{data['sizes'][part]:,} {part}" for part in PARTS)
    size, device = model.decoder.config, next(model.parameters()).device
    millions = sum(w.numel() for w in model.decoder.layers.parameters()) / 1e6
    lines = [
        line("task", f"{prepared.task.name}: {source}; {sizes}"),
        *(line("note", note) for note in prepared.task.notes),
        line("unknown", show_unknown(prepared.unknown)),
        line(
            "decoder",
            f"{size.num_hidden_layers} layers × {size.num_attention_heads} heads, "
            f"{size.hidden_size} wide, {millions:.1f} M weights and the encoder's word table",
        ),
        line("encoder", _encoder(prepared)),
        line(
            "recipe",
            f"{recipe.pairs_seen:,} pairs, {recipe.batch_size} a step, learning rate "
            f"{recipe.learning_rate:g}, label smoothing {recipe.label_smoothing:g}, "
            f"{'bfloat16' if multiplies_bfloat16(device) else 'float32'} on {device.type}, "
            f"seed {recipe.seed}",
        ),
    ]
    if quick:
        lines.insert(0, line("rehearsal", "few pairs: these numbers are not the recipe's"))
    return "\n".join(lines)


def _encoder(prepared: PreparedHybrid) -> str:
    recipe = prepared.recipe
    if prepared.memory is None:
        return "frozen: the classifier stays byte for byte"
    return (
        f"joint: its last {recipe.encoder_layers} layers learn at "
        f"{recipe.encoder_learning_rate:g}, held to the classifier's old answers"
    )


def show_look(look: Look, loss: float, scores: dict[str, Any], sample: Shown) -> str:
    """Some lines each time the training is looked at: numbers, and a text that was written."""
    return "\n".join(
        [
            line(
                f"{100 * look.steps / look.of:.0f} %",
                f"{look.pairs_seen:,} pairs · {look.seconds / 60:.0f} min · train loss "
                f"{look.train_loss:.3f} · validation loss {loss:.3f} · "
                f"{look.tokens_per_second:,.0f} tokens/s",
            ),
            line("", summary(scores)),
            *_sample(sample),
        ]
    )


def summary(scores: dict[str, Any]) -> str:
    """The scores of one set of texts in a line."""
    if "exactly" in scores:
        kinds = " · ".join(f"{kind} {scores['exactly'][kind]:.2f}" for kind in KINDS)
        return (
            f"words kept {scores['words_kept']:.3f} · {kinds} · word error rate "
            f"{scores['word_error_rate']:.3f}"
        )
    return f"ROUGE-L {scores['rougeL']:.3f} · BLEU {scores['bleu']:.1f} · chrF {scores['chrf']:.1f}"


def show_hybrid_result(measured: MeasuredHybrid, seconds: float) -> str:
    """What the test part says, beside copying the source; then texts, good and bad alike."""
    ours, copied = measured.scores, measured.copied
    number = ours.get("sentences", ours.get("texts"))
    lines = [
        line("test", f"{number:,} texts that decided nothing"),
        line("", f"{'':34}{'this model':>14}{'copied source':>16}"),
    ]
    lines += [
        line("", f"{name:34}{ours_:>14}{theirs:>16}") for name, ours_, theirs in _rows(ours, copied)
    ]
    for number, text in enumerate(measured.shown, start=1):
        lines += _sample(text, str(number))
    return "\n".join([*lines, line("time", f"{seconds / 60:.0f} min")])


def _rows(ours: dict[str, Any], copied: dict[str, Any]) -> list[tuple[str, str, str]]:
    rows = []
    for kind in KINDS if "exactly" in ours else ():
        among = f"{ours['exactly'][kind]:.3f}"
        name = f"{kind} ({ours['changes'][kind]}), restored exactly"
        rows.append((name, among, f"{copied['exactly'][kind]:.3f}"))
        rows.append(("   right word among ten best", f"{ours['among_ten_best'][kind]:.3f}", ""))
    for key, name in (
        ("words_kept", "correct words kept"),
        ("word_error_rate", "word error rate"),
        ("same_label", "classifier's label as of the clean"),
        ("rouge1", "ROUGE-1"),
        ("rouge2", "ROUGE-2"),
        ("rougeL", "ROUGE-L"),
        ("bleu", "BLEU"),
        ("chrf", "chrF"),
    ):
        if key in ours:
            form = "{:.1f}" if key in ("bleu", "chrf") else "{:.3f}"
            rows.append((name, form.format(ours[key]), form.format(copied[key])))
    return rows


def _sample(text: Shown, name: str = "") -> Sequence[str]:
    return [
        line(name, f"read     {one_line(text.source, _SAMPLE)}"),
        line("", f"wrote    {one_line(text.written, _SAMPLE)}"),
        line("", f"wanted   {one_line(text.target, _SAMPLE)}"),
    ]


def show_kept(kept: ClassifierKept) -> str:
    """What became of the classifier, where its encoder learned along."""
    return line(
        "classifier",
        f"validation accuracy {kept.before:.3f} before, {kept.validation.accuracy:.3f} now; test "
        f"{kept.test.accuracy:.3f}",
    )


def show_hybrid_end(out: Path) -> str:
    """Where the checkpoint lies, and what to do with it."""
    return line("checkpoint", f"{out}   next: python export/to_onnx.py {out}")
