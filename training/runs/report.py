"""The pages that the training commands print, as text: what goes in, and what came out."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from torch import nn
from tqdm import tqdm

from training.cli import counted, is_main_process, line, listed, one_line, say
from training.data.also import Also
from training.data.corpus import show_unknown
from training.data.noise import KINDS
from training.data.splits import PARTS
from training.evaluation.baseline import Baseline
from training.evaluation.classification import Metrics
from training.evaluation.problems import Judged, NumberMetrics, scores
from training.file_names import public_name
from training.fit.classifier import Epoch
from training.fit.hybrid import Evaluation
from training.fit.progress import TrainStep
from training.hybrid.tasks import DenoisingTask, Shown
from training.model.config import NUMBER, ONE_LABEL
from training.recipes import uses_bfloat16
from training.runs.classifier import Measured, Prepared
from training.runs.hybrid import MeasuredHybrid, PreparedHybrid, Retention
from training.runs.records import describe_task

Event = TypeVar("Event")
_BAR = "{desc} {percentage:3.0f} % |{bar}| {n_fmt}/{total_fmt} {postfix}"
_READABLE = "the baseline tells them apart; --add-tokens auto makes tokens of frequent ones"
_MATRIX = 12  # labels up to which a confusion matrix fits on a screen
_SAMPLE = 300  # characters of a text: a long sentence is whole
_WORST = 8  # confusions listed where it does not


def follow(events: Iterable[TrainStep | Event], show: Callable[[Event], str]) -> list[Event]:
    """Draws the steps as a live bar, where somebody watches; all other events stay in the log."""
    others: list[Event] = []
    watched = None if is_main_process() else True
    with tqdm(disable=watched, leave=False, desc="training", bar_format=_BAR) as bar:
        for event in events:
            if isinstance(event, TrainStep):
                minutes, seconds = divmod(round(event.seconds_left), 60)
                bar.total = event.of
                bar.set_postfix_str(
                    f"loss {event.loss:.3f} · lr {event.learning_rate:.1e} · "
                    f"{event.tokens_per_second:,.0f} tokens/s · {minutes}:{seconds:02} left",
                    refresh=False,
                )
                bar.update()
            else:
                others.append(event)
                say(show(event))
    return others


def show_start(prepared: Prepared, *, quick: bool) -> str:
    """What is trained on what, before it starts."""
    corpus, recipe, lengths = prepared.corpus, prepared.recipe, prepared.lengths
    removed, total = corpus.removed, sum(map(len, corpus.parts.values()))
    lines = [
        line("data", f"{corpus.title} ({corpus.name}): {total:,} texts"),
        line("", " · ".join(f"{len(part):,} {name}" for name, part in corpus.parts.items())),
        line(
            "removed",
            f"{counted(removed.duplicates, 'duplicate')}, "
            f"{counted(removed.near_duplicates, 'near-duplicate')}, "
            f"{removed.conflicting:,} with conflicting labels",
        ),
        *(line("note", note) for note in corpus.notes),
        line("labels", _balance(prepared)),
        line(
            "lengths",
            f"median {lengths.median} tokens, 95 % up to {lengths.share_95}, "
            f"longest {lengths.longest}; {lengths.cut:,} cut at {recipe.max_tokens}",
        ),
        *([line("added", _added(prepared.added))] if prepared.added else []),
        line("unknown", show_unknown(prepared.unknown)),
        *([line("", _READABLE)] if prepared.unknown.unknown else []),
        line("model", _model(prepared)),
        line(
            "recipe",
            f"{counted(recipe.epochs, 'epoch')}, {recipe.batch_size} texts a step, "
            f"learning rate {recipe.learning_rate:g}, label smoothing "
            f"{recipe.label_smoothing:g}, dropout {recipe.dropout:g}, "
            f"{'random masking, ' if recipe.random_masking else ''}"
            f"{_precision(prepared.model)}, seed {recipe.seed}",
        ),
    ]
    said = f"few texts, cut at {recipe.max_tokens} tokens, and one epoch, whatever the flags say"
    note = line("rehearsal", f"{said}: these numbers are not the recipe's")
    return "\n".join([note, *lines] if quick else lines)


def show_also(also: Also) -> str:
    """What is learned beside the data."""
    sources = ", ".join(map(public_name, also.sources))
    return line(
        "also",
        f"{counted(len(also.texts), 'labelled text')} of {sources}; {also.held_back:,} were left "
        "out: the data has them",
    )


def show_epoch(epoch: Epoch) -> str:
    """One line an epoch."""
    found = epoch.validation
    said = ", ".join(f"{name} {value:.3f}" for name, value in scores(found).items())
    return line(
        f"epoch {epoch.number}/{epoch.of}",
        f"train loss {epoch.train_loss:.3f} · validation: loss {found.loss:.3f}, {said} · "
        f"{epoch.tokens_per_second:,.0f} "
        f"tokens/s · {epoch.seconds:.0f} s{' · best so far' if epoch.best else ''}",
    )


def show_result(
    labels: tuple[str, ...], measured: Measured, baseline: Baseline, seconds: float
) -> str:
    """What the test part says, beside the baseline."""
    ours, theirs = measured.test, baseline.test
    before, rows = "   before temperature scaling", {"this model": ours}
    rows |= {} if isinstance(ours, NumberMetrics) else {before: measured.test_before}
    model = "ridge" if isinstance(ours, NumberMetrics) else "logistic"
    rows[f"TF-IDF + {model} regression"] = theirs
    return "\n".join(
        [
            line("test", f"{ours.texts:,} texts that decided nothing"),
            show_judged(rows),
            line("", _bought(ours, theirs, measured.temperature)),
            *(_confusions(labels, ours) if isinstance(ours, Metrics) else ()),
            line("time", f"{seconds:.0f} s, of which the baseline {baseline.seconds:.0f} s"),
        ]
    )


def show_judged(rows: Mapping[str, Judged]) -> str:
    """What models are worth on the same texts, a line each below what the columns are."""
    shown = [_columns(found) for found in rows.values()]
    widths = {name: max(len(name), 10) + 2 for name in shown[0]}
    return "\n".join(
        [
            line("", f"{'':34}" + "".join(f"{name:>{widths[name]}}" for name in widths)),
            *(
                line("", f"{name:34}" + "".join(f"{row[n]:>{widths[n]}}" for n in widths))
                for name, row in zip(rows, shown, strict=True)
            ),
        ]
    )


def _bought(ours: Judged, theirs: Judged, temperature: float) -> str:
    (name, here), there = next(iter(scores(ours).items())), next(iter(scores(theirs).values()))
    if isinstance(ours, NumberMetrics):
        return f"the transformer buys {here - there:+.3f} of {name}"
    return (
        f"the transformer buys {100 * (here - there):+.1f} points of accuracy; temperature "
        f"{temperature:.2f}, fitted on validation"
    )


def show_end(out: Path) -> str:
    """Where the checkpoint lies, and what to do with it."""
    return line("checkpoint", f"{out}   next: python export/to_onnx.py {out}")


def _columns(found: Judged) -> dict[str, str]:
    """What the test part says, by what stands above it."""
    if isinstance(found, NumberMetrics):
        numbers = {"mean error": found.absolute_error, "root of squared": found.error}
        return {name: f"{x:.3f}" for name, x in (scores(found) | numbers).items()}
    named = scores(found) | {"calibration error": found.calibration_error}
    low, high = found.accuracy_low, found.accuracy_high
    columns = {name: f"{value:.3f}" for name, value in named.items() if name != "accuracy"}
    return {"     accuracy (95 %)": f"{found.accuracy:.3f} ({low:.3f}–{high:.3f})", **columns}


def _added(tokens: Sequence[str]) -> str:
    return f"{counted(len(tokens), 'character')} to the vocabulary: {listed(tokens)}"


def _balance(prepared: Prepared) -> str:
    """Each label's share of the train part; only the most and least common of many."""
    labels, train = prepared.corpus.labels, prepared.corpus.train
    if prepared.corpus.problem_type == NUMBER:
        found = np.array([example.label for example in train])
        return f"a number, {found.min():g} to {found.max():g}, {found.mean():.3g} in the mean"
    counts: Counter[int] = Counter()
    for one in (example.label for example in train):
        counts.update([one] if isinstance(one, int) else np.flatnonzero(one).tolist())
    shares = [
        f"{one_line(labels[label])} {100 * count / len(train):.1f} %"
        for label, count in (sorted(counts.items()) if len(counts) <= 8 else counts.most_common())
    ]
    if len(shares) > 8:
        shares = [*shares[:4], "...", *shares[-3:]]
    at_once = "" if prepared.corpus.problem_type == ONE_LABEL else ", several at once"
    return f"{len(labels)}{at_once}: {', '.join(shares)} of the train part"


def _model(prepared: Prepared) -> str:
    size = prepared.model.config.encoder
    millions = sum(weight.numel() for weight in prepared.model.parameters()) / 1e6
    return (
        f"{prepared.init}: {size.num_hidden_layers} layers × {size.num_attention_heads} heads, "
        f"{size.hidden_size} wide, {millions:.1f} M weights"
    )


def _precision(model: nn.Module) -> str:
    device = next(model.parameters()).device
    return f"{'bfloat16' if uses_bfloat16(device) else 'float32'} on {device.type}"


def _confusions(labels: tuple[str, ...], metrics: Metrics) -> Iterator[str]:
    if len(labels) > _MATRIX:
        yield from _worst_confusions(labels, metrics)
        return
    short = [label if len(label) <= 14 else f"{label[:13]}…" for label in labels]
    width = max(8, *(len(label) + 2 for label in short))
    yield line("confusion", f"{'true ↓ predicted →':18}" + "".join(f"{s:>{width}}" for s in short))
    for name, counts in zip(short, metrics.confusion, strict=True):
        yield line("", f"{name:18}" + "".join(f"{count:>{width},}" for count in counts))


def _worst_confusions(labels: tuple[str, ...], metrics: Metrics) -> Iterator[str]:
    pairs = sorted(
        (-count, true, predicted)
        for true, counts in enumerate(metrics.confusion)
        for predicted, count in enumerate(counts)
        if count and true != predicted
    )
    yield line("confusion", "the most frequent; all of them are in training.json")
    for count, true, predicted in pairs[:_WORST]:
        yield line(
            "",
            f"{-count:>6,} times {one_line(labels[true])} taken for {one_line(labels[predicted])}",
        )


def show_hybrid_start(prepared: PreparedHybrid, *, quick: bool) -> str:
    """What is trained on what, before it starts."""
    recipe, model, data = prepared.recipe, prepared.seq2seq.model, describe_task(prepared.task)
    source = data["source"] if isinstance(data["source"], str) else ", ".join(data["source"])
    sizes = " · ".join(f"{data['sizes'][part]:,} {part}" for part in PARTS)
    size = model.decoder.config
    millions = sum(w.numel() for w in model.decoder.layers.parameters()) / 1e6
    encoder = "frozen: the classifier stays byte for byte"
    if prepared.distillation is not None:
        encoder = (
            f"joint: its last {recipe.encoder_layers} layers learn at "
            f"{recipe.encoder_learning_rate:g}, held to the classifier's old answers"
        )
    lines = [
        line("task", f"{prepared.task.name}: {source}; {sizes}"),
        *(line("note", note) for note in prepared.task.notes),
        line("unknown", show_unknown(prepared.unknown)),
        line(
            "decoder",
            f"{size.num_hidden_layers} layers × {size.num_attention_heads} heads, "
            f"{size.hidden_size} wide, {millions:.1f} M weights and the encoder's word table",
        ),
        line("encoder", encoder),
        line(
            "recipe",
            f"{recipe.pairs_seen:,} pairs, {recipe.batch_size} a step, cut at "
            f"{prepared.seq2seq.max_tokens} tokens, learning rate {recipe.learning_rate:g}, label "
            f"smoothing {recipe.label_smoothing:g}, {_precision(model)}, seed {recipe.seed}",
        ),
    ]
    said = f"{recipe.pairs_seen:,} pairs and the first texts alone, whatever the flags say"
    note = line("rehearsal", f"{said}: these numbers are not the recipe's")
    return "\n".join([note, *lines] if quick else lines)


def show_evaluation(task: str, found: Evaluation) -> str:
    """Some lines each time the model is evaluated: numbers, and a text that it generated."""
    return "\n".join(
        [
            line(
                f"{100 * found.steps / found.of:.0f} %",
                f"{found.pairs_seen:,} pairs · {found.seconds / 60:.0f} min · train loss "
                f"{found.train_loss:.3f} · validation loss {found.loss:.3f} · "
                f"{found.tokens_per_second:,.0f} tokens/s",
            ),
            line("", summary(task, found.scores)),
            *_sample(found.sample),
        ]
    )


def summary(task: str, scores: dict[str, Any]) -> str:
    """The scores of one set of texts in a line."""
    if task == DenoisingTask.name:
        kinds = " · ".join(f"{kind} {scores['exactly'][kind]:.2f}" for kind in KINDS)
        return (
            f"words kept {scores['words_kept']:.3f} · {kinds} · word error rate "
            f"{scores['word_error_rate']:.3f}"
        )
    return f"ROUGE-L {scores['rougeL']:.3f} · BLEU {scores['bleu']:.1f} · chrF {scores['chrf']:.1f}"


def show_hybrid_result(measured: MeasuredHybrid, seconds: float) -> str:
    """What the test part says, beside copying the source; then texts, good and bad alike."""
    number = measured.scores["sentences" if measured.task == DenoisingTask.name else "texts"]
    lines = [
        line("test", f"{number:,} texts that decided nothing"),
        line("", f"{'':34}{'this model':>14}{'copied source':>16}"),
    ]
    lines += [line("", f"{name:34}{ours:>14}{copy:>16}") for name, ours, copy in _rows(measured)]
    for number, text in enumerate(measured.shown, start=1):
        lines += _sample(text, str(number))
    return "\n".join([*lines, line("time", f"{seconds / 60:.0f} min")])


def _rows(measured: MeasuredHybrid) -> list[tuple[str, str, str]]:
    ours, copied, rows = measured.scores, measured.copied, []
    for kind in KINDS if measured.task == DenoisingTask.name else ():
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


def show_retention(retention: Retention) -> str:
    """What became of the classifier, where its encoder learned along."""
    measured = retention.now
    now, test = (scores(found)["accuracy"] for found in (measured.validation, measured.test))
    return line(
        "classifier",
        f"validation accuracy {retention.before:.3f} before, {now:.3f} now; test {test:.3f}",
    )
