"""Reads and writes a checkpoint's decoder folder, and opens a whole hybrid.

The decoder's format is `GPT2LMHeadModel`'s, in both directions; its `generation_config.json` says
which tokens begin, end and pad a text. A hybrid is a folder of ours, with encoder/ and decoder/,
or what `EncoderDecoderModel.save_pretrained` wrote of a BERT and a GPT-2.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from reprlib import repr as short
from typing import Any

from torch import Tensor
from transformers import PreTrainedTokenizerBase

from training.checkpoints.classifier import find_folder
from training.checkpoints.files import listing, read_config, read_json, write_json
from training.checkpoints.hf_config import (
    OF_GENERATE,
    decoder_from_hf,
    decoder_to_hf,
    encoder_from_hf,
    is_a,
)
from training.checkpoints.hf_names import FAMILIES, Family
from training.checkpoints.hf_weights import (
    DECODER_NAMES,
    Weights,
    build_model,
    encoder_names,
    open_weights,
    save_weights,
)
from training.model.config import DecoderConfig, EncoderConfig
from training.model.decoder import BERTGPTModel, GPTDecoder

GENERATION = "generation_config.json"
_BRIDGE = {"enc_to_dec_proj.weight": "bridge.weight", "enc_to_dec_proj.bias": "bridge.bias"}


@dataclass(frozen=True, slots=True)
class TextTokens:
    """The ids of the tokens that begin, end and pad what a decoder writes."""

    start: int
    end: int
    pad: int


def save_decoder(
    folder: Path, decoder: GPTDecoder, tokenizer: PreTrainedTokenizerBase, tokens: TextTokens
) -> None:
    """Writes a decoder in GPT2LMHeadModel's format, with its tokenizer, into an existing folder."""
    marks = {"bos_token_id": tokens.start, "eos_token_id": tokens.end, "pad_token_id": tokens.pad}
    write_json(folder / "config.json", {**decoder_to_hf(decoder.config), **marks})
    write_json(folder / GENERATION, {"decoder_start_token_id": tokens.start, **marks})
    save_weights(folder, decoder, DECODER_NAMES, tokenizer)


def load_decoder(folder: Path) -> GPTDecoder:
    """A decoder, ready to run, from a folder in GPT2LMHeadModel's format.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: the config asks for what is not implemented, or the weights do not fit it.
    """
    config = decoder_from_hf(read_config(folder))
    decoder, _ = build_model(
        partial(GPTDecoder, config),
        open_weights(folder).changed(DECODER_NAMES.from_hf),
        folder,
        configs={"": config},
        what="decoder",
        on_disk=DECODER_NAMES.on_disk,
        advice=_advice,
    )
    return decoder.eval()


def load_hybrid(name: str | Path) -> BERTGPTModel:
    """A finished hybrid, ready to run: our checkpoint with a decoder, or an EncoderDecoderModel.

    Raises what `load_decoder` does.
    """
    folder = Path(name)
    if (folder / "encoder").is_dir():
        return _join(folder)
    folder = find_folder(name)
    config = read_config(folder)
    if config.get("model_type") != "encoder-decoder":
        raise ValueError(
            f"{folder} has a model of type {config.get('model_type')!r}; expected a checkpoint "
            "with the folders encoder and decoder, or an EncoderDecoderModel of a BERT and a GPT-2"
        )
    encoder = encoder_from_hf(_half(config, "encoder"))
    decoder = decoder_from_hf(_half(config, "decoder"))
    rename = partial(_from_encoder_decoder, model_type=encoder.model_type)
    return _build(encoder, decoder, open_weights(folder).changed(rename), folder)


def read_text_tokens(folder: Path) -> TextTokens:
    """Which tokens begin, end and pad a text: of `generation_config.json`, else `config.json`.

    As `generate` looks for them: a text begins with `decoder_start_token_id`, else with
    `bos_token_id`, of an EncoderDecoderModel or of its decoder.

    Raises:
        FileNotFoundError: the folder has no config.
        ValueError: neither names the token that begins, or the one that ends.
    """
    places = (_own_file(folder), _merged_config(folder))
    start = _first(places, "decoder_start_token_id", "bos_token_id")
    end = _first(places, "eos_token_id")
    end = end[0] if isinstance(end, list) and end else end
    if start is None or end is None:
        raise ValueError(
            f"{folder} does not say which token {'begins' if start is None else 'ends'} a text; "
            f"expected decoder_start_token_id (or bos_token_id) and eos_token_id in {GENERATION}"
        )
    pad = _first(places, "pad_token_id")
    found = {"begins": start, "ends": end, "pads": end if pad is None else pad}
    for does, token in found.items():
        if not is_a(int, token):
            raise ValueError(
                f"the token that {does} a text is {short(token)} in {folder}; expected the number "
                f"of one token. Correct {GENERATION}"
            )
    return TextTokens(*found.values())


def read_generation(folder: Path) -> dict[str, Any]:
    """What a folder says of `generate`, without nulls, in a file of its own or as older ones did.

    Raises FileNotFoundError or ValueError: there is neither, or one cannot be read.
    """
    old = {name: value for name, value in _merged_config(folder).items() if name in OF_GENERATE}
    return _own_file(folder) or old


def _own_file(folder: Path) -> dict[str, Any]:
    return _given(read_json(folder / GENERATION)) if (folder / GENERATION).is_file() else {}


def _merged_config(folder: Path) -> dict[str, Any]:
    """What `config.json` says, or else that of the decoder which is nested in it."""
    config = read_config(folder)
    half = config.get("decoder")
    return _given(half if isinstance(half, dict) else {}) | _given(config)


def _given(config: Mapping[str, Any]) -> dict[str, Any]:
    """What a config says: a null says nothing, and hides nothing that stands elsewhere."""
    return {name: value for name, value in config.items() if value is not None}


def _first(places: Iterable[Mapping[str, Any]], *names: str) -> Any:
    found = (place.get(name) for place in places for name in names)
    return next((value for value in found if value is not None), None)


def _join(folder: Path) -> BERTGPTModel:
    if not (folder / "decoder").is_dir():
        raise FileNotFoundError(
            f"{folder} has no folder decoder (found: {listing(folder)}); add one with: "
            f"python training/train_hybrid.py {folder}"
        )
    encoder = encoder_from_hf(read_config(folder / "encoder"))
    decoder = decoder_from_hf(read_config(folder / "decoder"))
    read = open_weights(folder / "encoder").changed(
        partial(_without_classifier, model_type=encoder.model_type)
    )
    writes = open_weights(folder / "decoder").changed(_as_part)
    return _build(encoder, decoder, read | writes, folder)


def _half(config: Mapping[str, Any], part: str) -> dict[str, Any]:
    """The config of one half of an EncoderDecoderModel, or ValueError."""
    half = config.get(part)
    if not isinstance(half, dict):
        raise ValueError(
            f"config.json is that of an encoder-decoder, and {part} is {short(half)} in it; "
            "expected that half's own config. Save the model again"
        )
    return half


def _from_encoder_decoder(weights: Mapping[str, Tensor], model_type: str) -> dict[str, Tensor]:
    parts: dict[str, dict[str, Tensor]] = {"encoder": {}, "decoder": {}}
    ours = {}
    for name, tensor in weights.items():
        part, _, rest = name.partition(".")
        if part in parts:
            parts[part][rest] = tensor
        else:
            ours[_BRIDGE.get(name, name)] = tensor
    encoder = _without_classifier(parts["encoder"], model_type)
    return ours | encoder | _as_part(parts["decoder"])


def _without_classifier(weights: Mapping[str, Tensor], model_type: str) -> dict[str, Tensor]:
    ours = encoder_names(model_type).from_hf(weights)
    return {name: w for name, w in ours.items() if not name.startswith(("pooler.", "head."))}


def _as_part(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    ours = DECODER_NAMES.from_hf(weights)
    return {f"decoder.{name}": tensor for name, tensor in ours.items()}


def _build(
    encoder: EncoderConfig, decoder: DecoderConfig, weights: Weights, folder: Path
) -> BERTGPTModel:
    model, _ = build_model(
        partial(BERTGPTModel, encoder, decoder),
        weights,
        folder,
        configs={"encoder.": encoder, "decoder.": decoder},
        what="hybrid",
        on_disk=partial(_on_disk, family=FAMILIES[encoder.model_type]),
        advice=_advice,
    )
    return model.eval()


def _on_disk(name: str, family: Family) -> str:
    if name.startswith("bridge."):
        return name.replace("bridge.", "enc_to_dec_proj.")
    if name.startswith("decoder."):
        return f"decoder.{DECODER_NAMES.on_disk(name.removeprefix('decoder.'))}"
    stored = encoder_names(family.model_type).on_disk(name)
    return stored.replace(f"{family.prefix}.", "encoder.", 1)


def _advice(problems: list[str]) -> str:
    if problems and all("crossattention" in p or "ln_cross_attn" in p for p in problems):
        return (
            " It is a decoder that does not read a source; train one that does with: "
            "python training/train_hybrid.py"
        )
    return " Expected the weights of a GPT2LMHeadModel with the sizes in config.json"
