"""The curves of a run: each step's loss and learning rate, and what validation said now and then.

They are told to a tracker on the way, and end as a table and a picture in the checkpoint.
"""

import csv
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from accelerate import Accelerator
from matplotlib.figure import Figure

from training.evaluation.problems import scores
from training.fit.classifier import Epoch
from training.fit.progress import TrainStep

FOLDER = "curves"
"""In a checkpoint: `<name>.csv` and `<name>.png` of each training."""
_VALIDATION = "validation_"
_POINTS = 200  # of a line: each is the mean of its steps


class Curves:
    """Follows the events of one run."""

    def __init__(self, accelerator: Accelerator) -> None:
        self.accelerator = accelerator
        self.rows: list[dict[str, float]] = []
        """One a step, by column."""

    def following(self, events: Iterable[Any]) -> Iterator[Any]:
        """The same events, each kept as numbers and told to the trackers that there are."""
        for event in events:
            if isinstance(event, TrainStep):
                numbers = {"loss": event.loss, "learning_rate": event.learning_rate}
                self.rows.append({"step": event.number, **numbers})
            else:
                numbers = {f"{_VALIDATION}{name}": x for name, x in _judged(event).items()}
                self.rows[-1] |= numbers
            self.accelerator.log(numbers, step=int(self.rows[-1]["step"]))
            yield event

    def save(self, checkpoint: Path, name: str) -> None:
        """Writes `<name>.csv` and `<name>.png` into the curves of a checkpoint's folder."""
        folder = checkpoint / FOLDER
        folder.mkdir(exist_ok=True)
        columns = list(dict.fromkeys(column for row in self.rows for column in row))
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            table = csv.DictWriter(file, columns)
            table.writeheader()
            table.writerows(self.rows)
        self.draw(columns[1:]).savefig(folder / f"{name}.png", dpi=100)

    def draw(self, columns: list[str]) -> Figure:
        """A panel for each: the loss beside that of validation, and so on."""
        panels = [c for c in columns if c != f"{_VALIDATION}loss"]
        figure = Figure(figsize=(8, 2.4 * len(panels)), layout="constrained")
        all_axes = figure.subplots(len(panels), sharex=True, squeeze=False)[:, 0]
        for axes, column in zip(all_axes, panels, strict=True):
            beside = f"{_VALIDATION}{column}"
            for shown in (column, *([beside] if beside in columns else [])):
                places, values = self._line(shown)
                marker = "o" if shown.startswith(_VALIDATION) else ""
                axes.plot(places, values, marker=marker, label=shown.replace("_", " "))
            axes.legend()
            axes.grid(alpha=0.3)
        all_axes[-1].set_xlabel("step")
        return figure

    def _line(self, column: str) -> tuple[np.ndarray, np.ndarray]:
        """Where a column has values, and these; of many the means of neighbours."""
        there = [(row["step"], row[column]) for row in self.rows if column in row]
        pieces = np.array_split(np.array(there), min(_POINTS, len(there)))
        places, values = np.array([piece.mean(axis=0) for piece in pieces]).T
        return places, values


def _judged(event: Any) -> dict[str, float]:
    """What validation said, one number for the loss and one for how good the model is."""
    if isinstance(event, Epoch):
        name, value = next(iter(scores(event.validation).items()))
        return {"loss": event.validation.loss, name: value}
    best = [name for name in ("words_kept", "rougeL", "words_guessed") if name in event.scores]
    return {"loss": event.loss, **{name: event.scores[name] for name in best}}


def copy_curves(checkpoint: Path, folder: Path) -> None:
    """Takes over those of a checkpoint that another is made of."""
    if (checkpoint / FOLDER).is_dir():
        shutil.copytree(checkpoint / FOLDER, folder / FOLDER)
