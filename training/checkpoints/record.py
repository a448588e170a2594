"""Reads and writes a checkpoint's `training.json`: what it was made of, how, and how good it is.

`export/` copies from it what a page shows; a reader of another format number is sent to train
again rather than left to misread it.
"""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

from training.checkpoints.atomic_folder import Kind
from training.checkpoints.files import read_json, write_json

FORMAT = 1
FILE = "training.json"
# What transformers' tokenizers and we write for a model.
_OF_A_MODEL = (
    *("config.json", "generation_config.json", "model.safetensors"),
    *("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"),
    *("vocab.txt", "vocab.json", "merges.txt", "*.model", "*.jinja"),
)
_Kinds = dict[tuple[str, ...], type | tuple[type, ...]]
_MISSING = object()
# Holders before what they hold: the first that is wrong is named.
_IF_THERE: _Kinds = {
    **{(name,): dict for name in ("data", "recipe", "metrics", "hybrid")},
    **{("hybrid", name): dict for name in ("data", "metrics")},
    **{(name,): str for name in ("title", "licence")},
    **{("hybrid", name): str for name in ("task", "licence")},
    **dict.fromkeys((("examples",), ("hybrid", "examples")), list),
    **dict.fromkeys((("data", "source"), ("hybrid", "data", "source")), (str, list)),
    ("recipe", "init"): str,
    ("temperature",): (int, float),
}
_DECODER_NEEDS: _Kinds = {("licence",): str}
_JOINT_NEEDS: _Kinds = {  # the classifier is measured again
    ("rehearsal",): bool,
    ("data", "source"): str,
    ("data", "fingerprint"): str,
    ("recipe", "max_tokens"): int,
    ("metrics", "validation", "accuracy"): (int, float),
}


def write_record(checkpoint: Path, record: dict[str, Any]) -> None:
    """Writes `training.json` into a checkpoint folder, under the current format number."""
    write_json(checkpoint / FILE, {"format": FORMAT, **record})


def read_record(checkpoint: Path) -> dict[str, Any]:
    """The content of a checkpoint's `training.json`.

    Keys: `task`, `title`, `licence`, `labels`, `examples`, `data` (`source`, `name`,
    `fingerprint`, `sizes`, ...), `recipe`, `seed`, `command`, `versions`, `temperature`,
    `metrics` (`test`, `validation`, `baseline`, `epochs`).

    Raises:
        FileNotFoundError: the folder has none; a foreign checkpoint has not.
        ValueError: it is no JSON, has another format number, or something in it that is read is
            of another kind than training writes.
    """
    path = checkpoint / FILE
    if not path.is_file():
        raise FileNotFoundError(
            f"{checkpoint} has no {FILE}; expected a checkpoint that was made by: "
            f"python training/train_classifier.py --out {checkpoint}"
        )
    record = read_json(path)
    found = record.get("format")
    if found != FORMAT:
        raise ValueError(
            f"{path} has format {found}, this reader knows format {FORMAT}; read it with the "
            f"version that wrote it, or train again: python training/train_classifier.py --out "
            f"{checkpoint}"
        )
    _check(record, _IF_THERE, path, "Correct it, or move the file away", may_lack=True)
    return record


def _check(
    record: dict[str, Any], kinds: _Kinds, path: Path, advice: str, *, may_lack: bool
) -> None:
    for names, kind in kinds.items():
        value: Any = record
        for name in names:
            value = value.get(name, _MISSING) if isinstance(value, dict) else _MISSING
        if value is _MISSING and may_lack:
            continue
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            found = None if value is _MISSING else value
            raise ValueError(
                f"{path} has {found!r:.40} as its {'.'.join(names)}; expected what training "
                f"wrote. {advice}"
            )


def find_record(checkpoint: Path) -> dict[str, Any] | None:
    """As `read_record`; None where the folder has none, or another program's, without a format."""
    path = checkpoint / FILE
    if not path.is_file():
        return None
    try:
        found = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError):
        return read_record(checkpoint)  # says what is wrong with it
    ours = isinstance(found, dict) and "format" in found
    return read_record(checkpoint) if ours else None


def fingerprint_of(record: dict[str, Any]) -> str:
    """Tells one trained checkpoint from another: its losses alone have sixteen digits."""
    return sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()


def _written(checkpoint: Path) -> list[str]:
    """The files of a checkpoint; raises ValueError if its `training.json` is not ours."""
    record = read_json(checkpoint / FILE)
    if missing := [name for name in ("format", "recipe", "metrics") if name not in record]:
        raise ValueError(f"it has no {', '.join(missing)}")
    models = [f"{part}/{file}" for part in ("encoder", "decoder") for file in _OF_A_MODEL]
    return [*models, "curves/*.csv", "curves/*.png"]


CHECKPOINT = Kind(marker=FILE, written=_written)


def check_trained(record: dict[str, Any], checkpoint: Path, *, joint: bool) -> None:
    """Whether a record holds what the training of a decoder goes on from.

    Raises ValueError: something is missing, or of another kind; it is named. More of it is needed
    where the encoder learns along (`joint`).
    """
    kinds = _DECODER_NEEDS | (_JOINT_NEEDS if joint else {})
    advice = f"Train again: python training/train_classifier.py --out {checkpoint}"
    _check(record, kinds, checkpoint / FILE, advice, may_lack=False)
