"""What a folder says of `generate`: held against what is implemented, before anything is spent.

`transformers` takes whatever a `generation_config.json` holds, and takes one that is no JSON for
none at all; what is wrong in it would be told by the first text, or never.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import transformers
from transformers import GenerationConfig, PreTrainedConfig

from bundle_format.generation import KNOWN, Generation, several
from bundle_format.typed_json import WrongJson, read_object
from bundle_format.values import GENERATION
from training.cli import listed


def settings_of(model: Any) -> dict[str, Any]:
    """What a model of `transformers` was told of `generate`, as its file has it; without what is
    None."""
    noted = model.generation_config.to_dict() if model.generation_config else {}
    given = {name: value for name, value in noted.items() if value is not None}
    # Of some settings transformers makes objects of its own.
    return {n: one.to_dict() if hasattr(one, "to_dict") else one for n, one in given.items()}


def check_settings(folder: Path, config: PreTrainedConfig) -> list[str]:
    """Remarks on what a folder says of `generate`, in a file of its own or, as older ones, in its
    `config.json`: a sentence each.

    Raises:
        ValueError: a value is of another kind than its setting, or out of all bounds, names a token
            that the vocabulary has not, or leaves no token to be written.
    """
    file = folder / GENERATION
    noted, remarks = _read(file) if file.is_file() else (None, [])
    where = str(file)
    if noted is None:
        where = f"{folder / 'config.json'}, or its family by default,"
        noted = GenerationConfig.from_model_config(config).to_dict()
    try:
        settings = read_object(Generation, noted)
    except WrongJson as error:
        raise ValueError(f"{where} {error}. Correct it") from error
    words = getattr(config.get_text_config(decoder=True), "vocab_size", None)
    for fault in _faults(settings, words) if isinstance(words, int) else ():
        raise ValueError(f"{where} {fault}. Correct it")
    return remarks


def _read(file: Path) -> tuple[dict[str, Any] | None, list[str]]:
    """The settings in a file, None if it is no JSON, and remarks on them."""
    try:
        noted = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:  # bad JSON or bad UTF-8
        why = str(error)[:120]
        return None, [
            f"{GENERATION} is no JSON ({why}): it is not read, and what config.json says of "
            "generate holds"
        ]
    if not isinstance(noted, dict):
        raise ValueError(
            f"{file} holds a JSON {type(noted).__name__}; expected an object with settings of "
            "generate. Save it again: model.generation_config.save_pretrained(folder)"
        )
    return noted, _unknown(noted)


def _unknown(noted: Mapping[str, Any]) -> list[str]:
    known = KNOWN | vars(GenerationConfig()).keys() | {"transformers_version"}
    given = [name for name, value in noted.items() if value is not None]
    others = [name for name in given if name not in known and not name.startswith("_")]
    if not others:
        return []
    version = transformers.__version__
    return [
        f"{GENERATION} has settings that transformers {version} does not know: {listed(others)}; "
        "they are left out"
    ]


def _faults(settings: Generation, words: int) -> Iterator[str]:
    """What cannot be done with a vocabulary of so many words."""
    runs = settings.bad_words_ids or ()
    never = settings.suppress_tokens or ()
    not_first = settings.begin_suppress_tokens or ()
    begins = "bos_token_id" if settings.decoder_start_token_id is None else "decoder_start_token_id"
    named = {
        begins: several(getattr(settings, begins)),
        "eos_token_id": settings.ends,
        "forced_bos_token_id": several(settings.forced_bos_token_id),
        "forced_eos_token_id": several(settings.forced_eos_token_id),
        "suppress_tokens": never,
        "begin_suppress_tokens": not_first,
        "bad_words_ids": tuple(index for run in runs for index in run),
    }
    for name, ids in named.items():
        if (index := max(ids, default=0)) >= words:
            yield (
                f"has {index} as {'' if len(ids) == 1 else 'one of '}{name}; expected 0 to "
                f"{words - 1}, an id of the vocabulary in config.json"
            )
    ruled_out = {*never, *(run[0] for run in runs if len(run) == 1)}
    for name, more in (("suppress_tokens", ()), ("begin_suppress_tokens", not_first)):
        if len(ruled_out.union(more)) >= words:
            yield (
                f"rules out all {words} words of the vocabulary by {name}; expected some that may "
                "be written"
            )
