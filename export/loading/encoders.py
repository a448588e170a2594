"""Opens a folder of any family and task that `transformers` knows, as `load_checkpoint` does ours.

What a model is for is told by the class that its config names, or by a `modules.json` of
`sentence-transformers` beside it; where neither does, it must be said.

How the weights are read, and what of them must fit, is in `weights.py`.
"""

import inspect
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import transformers
from transformers import AutoConfig, PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

from export.graphs.families import deviation_of, is_ours, why_refused
from export.graphs.spec import EncoderSpec, spec_from_hf
from export.graphs.tasks import GENERATE, TASKS, Task, task_of_class
from export.graphs.tracing import silenced
from export.loading.checkpoint import (
    LoadedCheckpoint,
    LoadedEncoder,
    assumed_of_labels,
    scores_pairs,
    settle_sides,
)
from export.loading.sentence_folder import embeds, find_pooling, longest_of, transformer_folder
from export.loading.weights import check_whole, open_model, reason_of
from training.checkpoints.classifier import find_folder, load_tokenizer
from training.checkpoints.files import read_config
from training.checkpoints.hf_config import labels_of, problem_of
from training.checkpoints.hf_names import class_of, described

_UNKNOWN_LIMIT = 512
"""Tokens, where neither the model nor its tokenizer has a limit."""
_NO_LIMIT = 10**6
_NOT_KEPT = {"_name_or_path", "auto_map", "architectures", "transformers_version", "dtype"}
_PATH = re.compile(r"(file:|[/~\\]|\.\.?[/\\]|[A-Za-z]:[/\\]).+", re.IGNORECASE | re.DOTALL)


def is_by_ours(name: str, asked: str | None = None) -> bool:
    """Whether a folder or a model on the Hub goes through the models of `training/`.

    Those are its own and the families that it implements, where they classify texts or write.

    Args:
        asked: the name of the task that it is to be opened for, if that was said.
    """
    whole = find_folder(name)
    written = read_config(transformer_folder(whole))
    writes = written.get("model_type") == "encoder-decoder"
    own_task = "generate" if writes else "classify"
    if not is_ours(written) or asked not in (None, own_task) or embeds(whole):
        return False
    told = task_of_class(class_of(written) or "")
    return told is None or told.name == own_task


def find_task(name: str, asked: str | None = None) -> Task:
    """What a folder or a model on the Hub is for: one of `TASKS`, or `GENERATE`.

    Args:
        asked: as in `is_by_ours`.

    Raises:
        FileNotFoundError, ValueError: as `load_any_model`.
    """
    whole = find_folder(name)
    return _task_of(read_config(transformer_folder(whole)), whole, asked)


def load_any_model(name: str, asked: str | None = None) -> LoadedCheckpoint:
    """Opens a folder or a model on the Hub, of any family and for any task of `TASKS`.

    Args:
        asked: as in `is_by_ours`.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: its class is for something that is not exported, its family has no maps, the
            weights do not fit, or the tokenizer is another model's or lacks what the task needs.
    """
    whole = find_folder(name)
    folder = transformer_folder(whole)
    written = read_config(folder)
    task = _task_of(written, whole, asked)
    config = open_config(folder, written)
    model, unread = _open_encoder(folder, config, task, class_of(written) or "")
    tokenizer = load_tokenizer(folder, words=getattr(config, "vocab_size", None))
    if task.name == "fill" and tokenizer.mask_token_id is None:
        raise ValueError(
            f"the tokenizer in {folder} has no mask token, and the model fills masks: its "
            "tokenizer_config.json has to name one as mask_token"
        )
    part, assumed = describe_encoder(folder, model, tokenizer, written, task.name)
    assumed += [*unread, *unknown_class(written, model)]
    if task.name == "embed":
        pooling, remarks = find_pooling(whole)
        part = replace(part, pooling=pooling, lowered=_lowered(part, longest_of(folder)))
        assumed += remarks
    return LoadedCheckpoint(encoder=part, decoder=None, assumed=tuple(assumed))


def _lowered(part: LoadedEncoder, longest: int | None) -> int | None:
    return longest if longest is not None and longest < part.max_tokens else None


def _task_of(written: Mapping[str, Any], folder: Path, asked: str | None) -> Task:
    """What the model is for; refused before any work where no graph of it would be of use.

    An encoder may be had of a model with any head. Else what is asked for must be what is told:
    one head's weights may fit another, whose numbers would mean nothing.
    """
    named = class_of(written)
    if reason := why_refused(written):
        raise ValueError(f"{folder} holds {described(written)}, which cannot be opened: {reason}")
    told = task_of_class(named or "")
    vectors = asked == "embed" or (asked is None and embeds(folder))
    both = written.get("is_encoder_decoder") and told not in (TASKS["embed"], GENERATE)
    if both and not vectors and asked != GENERATE.name:
        writing = "" if told else " (or --task generate, if it writes texts)"
        raise ValueError(
            f"{folder} holds {described(written)}, an encoder and a decoder, of which the encoder "
            f"alone can be exported, to make vectors of texts: give --task embed{writing}"
        )
    if vectors:
        return TASKS["embed"]
    if told is None and (asked is None or named):
        endings = ", ".join(one.endings[0] for one in (*TASKS.values(), GENERATE))
        raise ValueError(
            f"config.json is that of {described(written)}; exported are models of any family "
            "whose class, which config.json names under architectures, ends in "
            f"{endings}. Where it names none, say what the model is for with --task"
        )
    if told and asked and told.name != asked:
        raise ValueError(
            f"config.json is that of {described(written)}, whose task is {told.name}; --task says "
            f"{asked}. Leave --task out"
        )
    return told or {**TASKS, GENERATE.name: GENERATE}[str(asked)]


def open_config(folder: Path, written: Mapping[str, Any]) -> PreTrainedConfig:
    """The config of a folder, by the class of `transformers` that its family has.

    Args:
        written: the content of its `config.json`.

    Raises:
        ValueError: it brings code of its own, or `transformers` cannot read it.
    """
    if code := [name for name in written.get("auto_map") or () if "AutoModel" in name]:
        raise ValueError(
            f"{folder} brings code of its own ({', '.join(code)[:100]}), which is never run. Save "
            "the model with a class of transformers"
        )
    try:
        with silenced():
            return AutoConfig.from_pretrained(folder, local_files_only=True)
    # transformers raises what its config classes do: of types, of values, of keys.
    except Exception as error:
        version = transformers.__version__
        raise ValueError(
            f"transformers {version} cannot read the config.json of {described(written)}: "
            f"{reason_of(error)}"
        ) from error


def _open_encoder(
    folder: Path, config: PreTrainedConfig, task: Task, named: str
) -> tuple[PreTrainedModel, list[str]]:
    """The model of a task, and a remark on weights that it does not take; of an encoder and a
    decoder the encoder alone.

    Args:
        named: the class that its config names. One of an encoder alone, such as T5EncoderModel, is
            taken as it is, for the task's own class would be of both.
    """
    alone = named.endswith("EncoderModel") and hasattr(transformers, named)
    whole, found = open_model(folder, config, named if alone else task.auto)
    model = encoder_alone(whole)
    if model is not whole:
        needed = set(model.parameters())
        every = dict(whole.named_parameters(remove_duplicate=False))
        found = found._replace(
            unfit={name: why for name, why in found.unfit.items() if every.get(name) in needed}
        )
    if task.name == "embed":
        # A vector is made of the hidden states. A pooler would stand behind them and is not read;
        # what the folder has of a head is not asked for.
        kept = {name: why for name, why in found.unfit.items() if not name.startswith("pooler.")}
        found = found._replace(unfit=kept)
    unread = check_whole(folder, model, found)
    return model.eval(), [] if task.name == "embed" else unread


def unknown_class(written: Mapping[str, Any], model: PreTrainedModel) -> list[str]:
    """A remark on a class that a `config.json` names and `transformers` has not, or none."""
    named = class_of(written)
    if named is None or hasattr(transformers, named):
        return []
    version, taken = transformers.__version__, type(model).__name__
    return [
        f"config.json names the class {named[:60]!r}, which transformers {version} has not: taken "
        f"for a {taken}, by its model_type"
    ]


def encoder_alone(model: Any) -> Any:
    """The encoder of a model that has a decoder too; any other model as it is."""
    return model.get_encoder() if model.config.is_encoder_decoder else model


def describe_encoder(
    folder: Path,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    written: Mapping[str, Any],
    task: str,
) -> tuple[LoadedEncoder, list[str]]:
    """The model as the rest of the export knows one, and what had to be assumed.

    Args:
        written: the content of its `config.json`.
        task: as in `LoadedEncoder`.
    """
    config = model.config
    labels, problem_type = tuple[str, ...](), None
    if task in ("classify", "tag"):
        labels = labels_of(written, config.num_labels or 2)
    if task == "classify":
        problem_type = written.get("problem_type") or problem_of(labels, written)
    assumed = assumed_of_labels(written, labels, problem_type) if labels else []
    spec, remarks = make_spec(model, tokenizer, fills=task == "fill")
    assumed += remarks
    # What the tokenizer gives is what the graph takes: clients go by it.
    inputs = ["input_ids", "attention_mask", *(["token_type_ids"] if spec.has_segments else [])]
    tokenizer.model_input_names = inputs
    tokenizer.init_kwargs |= {"model_input_names": inputs}
    assumed += settle_sides(tokenizer, tokenizer.padding_side)
    kept = {**known_of_config(config), "architectures": [type(model).__name__]}
    if labels:
        kept["id2label"] = {str(i): label for i, label in enumerate(labels)}
        kept["label2id"] = {label: i for i, label in enumerate(labels)}
    if problem_type:
        kept["problem_type"] = problem_type
    part = LoadedEncoder(
        folder=folder,
        model=model,
        tokenizer=tokenizer,
        config=kept,
        sizes=spec,
        task=task,
        labels=labels,
        problem_type=problem_type,
        reads_pairs=task == "classify" and scores_pairs(written),
    )
    return part, assumed


def make_spec(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase | None = None,
    *,
    fills: bool = False,
) -> tuple[EncoderSpec, list[str]]:
    """A model's sizes and inputs, and what is remarkable about it, in a sentence each.

    Args:
        tokenizer: whether there are segments, and how long a text may be, is asked of it where the
            model does not say.
        fills: as in `spec_from_hf`.

    Raises:
        ValueError: as `spec_from_hf`.
    """
    config, remarks = model.config, []
    family = config.model_type
    given = set(tokenizer.model_input_names) if tokenizer else {"token_type_ids"}
    kinds = getattr(config, "type_vocab_size", None)
    takes = "token_type_ids" in inspect.signature(model.forward).parameters
    segments = takes and (kinds > 1 if kinds is not None else "token_type_ids" in given)
    limit = longest_text(model)
    if limit is None:
        limit = limit_of_tokenizer(tokenizer)
        remarks.append(f"the model names no longest text: taken for {limit} tokens")
    if reason := deviation_of(family).reason:
        remarks.append(f"of a {family}: {reason}")
    side = tokenizer.padding_side == "left" if tokenizer else deviation_of(family).pads_left
    spec = spec_from_hf(config, segments=segments, limit=limit, pads_left=side, fills=fills)
    return spec, remarks


def longest_text(model: PreTrainedModel) -> int | None:
    """The most tokens that a model has positions for; None if its config does not say.

    A table of positions with a row for padding counts from behind that row, as RoBERTa's and
    MPNet's do, and has so many rows less to give.
    """
    rows = getattr(model.config, "max_position_embeddings", None)
    if not isinstance(rows, int) or rows < 1:
        return None
    try:
        words = model.get_input_embeddings()
    except NotImplementedError:  # a model of characters or of hashes
        words = None
    # Not every table is torch's own class: I-BERT has one of its own.
    tables: Iterator[Any] = (table for table in model.modules() if table is not words)
    offsets = [
        int(table.padding_idx) + 1
        for table in tables
        if getattr(table, "padding_idx", None) is not None
        if len(getattr(table, "weight", ())) == rows
    ]
    return rows - max(offsets, default=0)


def limit_of_tokenizer(tokenizer: PreTrainedTokenizerBase | None) -> int:
    """The longest text, in tokens, that a tokenizer names, where a model names none."""
    limit = int(min(tokenizer.model_max_length, _NO_LIMIT)) if tokenizer else _NO_LIMIT
    return limit if limit < _NO_LIMIT else _UNKNOWN_LIMIT


def known_of_config(config: PreTrainedConfig) -> dict[str, Any]:
    """The settings that a family's config knows, without where its files lay on some machine."""
    known = set(type(config)().to_dict()) - _NOT_KEPT
    return {
        name: value
        for name, value in config.to_dict().items()
        if name in known and not (isinstance(value, str) and _PATH.fullmatch(value))
    }
