"""The model card: what a bundle says of its model, from the checkpoint's record and the flags."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from export.bundle.example_texts import example_texts
from export.bundle.provenance import checkpoint_origin, held_out_metrics
from export.bundle.text_files import Examples, read_texts
from export.loading.checkpoint import LoadedCheckpoint
from export.loading.gguf_file import public_stem
from training.file_names import public_name, real_name
from training.readers.packaged import SOURCES

_UNKNOWN_LICENCE = "The weights' licence is that of their source; it was not given at export."

_MOST = 1_000


@dataclass(frozen=True, kw_only=True)
class DecoderCard:
    """What a bundle says to people about what writes."""

    task: str
    """`restore`, `pairs`, or `generate` where it is not known what was learned."""
    examples: tuple[Mapping[str, str], ...]
    """Sources to write from, as they are: a restorer's are corrupted already."""
    metrics: Mapping[str, Any] = field(default_factory=dict)
    checkpoint: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ModelCard:
    """What a bundle says to people about its model."""

    title: str
    licence: str
    examples: tuple[Mapping[str, str], ...]
    temperature: float = 1.0
    metrics: Mapping[str, Any] = field(default_factory=dict)
    """What training measured on held-out texts; empty for a model that we did not train."""
    checkpoint: Mapping[str, Any] = field(default_factory=dict)
    """Where the weights came from: name, sha256, data, recipe, seed."""
    decoder: DecoderCard | None = None


def make_card(
    name: str,
    record: Mapping[str, Any] | None,
    loaded: LoadedCheckpoint,
    *,
    title: str | None,
    licence: str | None,
    examples: Path | None,
    no_examples: bool = False,
) -> ModelCard:
    """What the flags say wins; then what training noted; then what can be told from the name.

    Args:
        name: the checkpoint as the command was given it.
        record: the content of its `training.json`, or None for a model that we did not train.
        no_examples: leave out those that training noted as well.

    Raises:
        OSError, ValueError: as `read_examples`; or the checkpoint's folder has no name.
    """
    noted = record or {}
    hybrid = noted.get("hybrid", {}) if loaded.decoder else {}
    chosen = read_examples(examples) if examples else _public_examples(noted)
    chosen = chosen or example_texts(loaded.first)
    sources = _public_examples(hybrid) or chosen
    if no_examples:
        chosen = sources = ()
    return ModelCard(
        title=title or noted.get("title") or public_stem(name),
        licence=licence or _noted_licence(noted, hybrid) or _UNKNOWN_LICENCE,
        examples=chosen,
        temperature=noted.get("temperature", 1.0),
        metrics=held_out_metrics(noted.get("metrics", {})),
        checkpoint={
            "name": real_name(name),
            **_hub_name(name),
            **checkpoint_origin(loaded.first.folder, noted),
        },
        decoder=_decoder_card(hybrid, loaded.decoder.folder, sources) if loaded.decoder else None,
    )


def _hub_name(given: str) -> dict[str, str]:
    """What a Space's card names as its model: a name like `user/name`, never a folder's."""
    public = public_name(given)
    return {"hub": public} if "/" in public else {}


def _public_examples(noted: Mapping[str, Any]) -> Examples:
    """What a record offers, if it is of texts that are public already.

    Rows of somebody's own data, which earlier versions noted, hold names and numbers of people.
    """
    source = noted.get("data", {}).get("source", ())
    names = {source} if isinstance(source, str) else set(source)
    return tuple(noted.get("examples", ())) if names <= set(SOURCES) else ()


def _noted_licence(noted: Mapping[str, Any], hybrid: Mapping[str, Any]) -> str:
    """The record's, with the name of what the weights came from in place of its path."""
    licence, init = hybrid.get("licence") or noted.get("licence") or "", noted.get("recipe", {})
    started = init.get("init", "")
    return licence.replace(started, public_name(started)) if started else licence


def _decoder_card(hybrid: Mapping[str, Any], folder: Path, sources: Examples) -> DecoderCard:
    """What the record of its training says; sources and texts that are classified are not alike."""
    return DecoderCard(
        task=hybrid.get("task", "generate"),
        examples=sources,
        metrics=held_out_metrics(hybrid.get("metrics", {})),
        checkpoint=checkpoint_origin(folder, hybrid),
    )


def read_examples(path: Path) -> Examples:
    """Texts for the page to offer, as `read_texts` reads them.

    Raises:
        OSError, ValueError: as `read_texts`; or there are too many.
    """
    found = read_texts(path)
    if len(found) > _MOST:
        raise ValueError(
            f"{path} has {len(found):,} texts; a bundle offers {_MOST:,} at most. Choose some"
        )
    return found
