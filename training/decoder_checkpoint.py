"""Reads and writes a checkpoint's decoder folder, and opens a whole hybrid; see `checkpoint.py`.

The decoder's format is `GPT2LMHeadModel`'s, in both directions; its `generation_config.json` says
which tokens begin, end and pad a text. A hybrid is a folder of ours, with encoder/ and decoder/,
or what `EncoderDecoderModel.save_pretrained` wrote of a BERT and a GPT-2.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from training import hf_decoder_weights, hf_weights
from training.checkpoint import find_folder
from training.json_file import write_json
from training.model.config import EncoderConfig
from training.model.decoder import GPTDecoder
from training.model.decoder_config import DecoderConfig
from training.model.families import Family
from training.model.hybrid import BERTGPTModel
from training.weights_file import fill, listing, read_config, read_weights

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
    marks = {
        "bos_token_id": tokens.start,
        "eos_token_id": tokens.end,
        "pad_token_id": tokens.pad,
    }
    write_json(folder / "config.json", {**decoder.config.to_hf(), **marks})
    write_json(folder / GENERATION, {"decoder_start_token_id": tokens.start, **marks})
    weights = {name: tensor.contiguous() for name, tensor in decoder.state_dict().items()}
    theirs = hf_decoder_weights.to_hf(weights)
    save_file(theirs, folder / "model.safetensors", metadata={"format": "pt"})
    tokenizer.save_pretrained(folder)


def load_decoder(folder: Path) -> GPTDecoder:
    """A decoder, ready to run, from a folder in GPT2LMHeadModel's format.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: the config asks for what is not implemented, or the weights do not fit it.
    """
    decoder = GPTDecoder(DecoderConfig.from_hf(read_config(folder)))
    fill(
        decoder,
        hf_decoder_weights.from_hf(read_weights(folder)),
        folder,
        what="decoder",
        names_on_disk=hf_decoder_weights.hf_names,
        advice=_advice,
    )
    return decoder.eval()


def load_hybrid(name: str | Path) -> BERTGPTModel:
    """A finished hybrid, ready to run: our checkpoint with a decoder, or an EncoderDecoderModel.

    Raises:
        FileNotFoundError, ValueError: as `load_decoder`.
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
    model = BERTGPTModel(
        EncoderConfig.from_hf(config["encoder"]), DecoderConfig.from_hf(config["decoder"])
    )
    family = model.encoder.config.family
    _fill_hybrid(model, _from_encoder_decoder(read_weights(folder), family), folder)
    return model.eval()


def read_text_tokens(folder: Path) -> TextTokens:
    """Which tokens begin, end and pad a text: of `generation_config.json`, else `config.json`.

    Raises:
        FileNotFoundError: the folder has no config.
        ValueError: neither names the token that begins, or the one that ends.
    """
    given: dict[str, Any] = {}
    config = read_config(folder)
    given.update(config.get("decoder", {}))
    given.update({name: value for name, value in config.items() if value is not None})
    if (folder / GENERATION).is_file():
        written = json.loads((folder / GENERATION).read_text(encoding="utf-8"))
        given.update({name: value for name, value in written.items() if value is not None})
    start = given.get("decoder_start_token_id", given.get("bos_token_id"))
    end = given.get("eos_token_id")
    end = end[0] if isinstance(end, list) else end
    if start is None or end is None:
        raise ValueError(
            f"{folder} does not say which token {'begins' if start is None else 'ends'} a text; "
            f"expected decoder_start_token_id (or bos_token_id) and eos_token_id in {GENERATION}"
        )
    return TextTokens(start, end, given.get("pad_token_id", end))


def _join(folder: Path) -> BERTGPTModel:
    if not (folder / "decoder").is_dir():
        raise FileNotFoundError(
            f"{folder} has no folder decoder (found: {listing(folder)}); add one with: "
            f"python training/train_hybrid.py {folder}"
        )
    encoder, decoder = read_config(folder / "encoder"), read_config(folder / "decoder")
    model = BERTGPTModel(EncoderConfig.from_hf(encoder), DecoderConfig.from_hf(decoder))
    weights = hf_weights.from_hf(read_weights(folder / "encoder"), model.encoder.config.family)
    written = hf_decoder_weights.from_hf(read_weights(folder / "decoder"))
    ours = {name: w for name, w in weights.items() if not name.startswith(("pooler.", "head."))}
    ours |= {f"decoder.{name}": tensor for name, tensor in written.items()}
    _fill_hybrid(model, ours, folder)
    return model.eval()


def _from_encoder_decoder(weights: Mapping[str, Tensor], family: Family) -> dict[str, Tensor]:
    parts: dict[str, dict[str, Tensor]] = {"encoder": {}, "decoder": {}}
    ours = {}
    for name, tensor in weights.items():
        part, _, rest = name.partition(".")
        if part in parts:
            parts[part][rest] = tensor
        else:
            ours[_BRIDGE.get(name, name)] = tensor
    encoder = hf_weights.from_hf(parts["encoder"], family)
    ours |= {name: w for name, w in encoder.items() if not name.startswith("pooler.")}
    decoder = hf_decoder_weights.from_hf(parts["decoder"])
    return ours | {f"decoder.{name}": tensor for name, tensor in decoder.items()}


def _fill_hybrid(model: BERTGPTModel, weights: dict[str, Tensor], folder: Path) -> None:
    family = model.encoder.config.family

    def names_on_disk(names: Any) -> list[str]:
        return sorted(_name_on_disk(name, family) for name in names)

    fill(model, weights, folder, what="hybrid", names_on_disk=names_on_disk, advice=_advice)


def _name_on_disk(name: str, family: Family) -> str:
    if name.startswith("bridge."):
        return name.replace("bridge.", "enc_to_dec_proj.")
    if name.startswith("decoder."):
        return f"decoder.{hf_decoder_weights.hf_names([name.removeprefix('decoder.')])[0]}"
    return hf_weights.hf_names([name], family)[0].replace(f"{family.prefix}.", "encoder.", 1)


def _advice(problems: list[str]) -> str:
    if problems and all("crossattention" in p or "ln_cross_attn" in p for p in problems):
        return (
            " It is a decoder that does not read a source; train one that does with: "
            "python training/train_hybrid.py"
        )
    return " Expected the weights of a GPT2LMHeadModel with the sizes in config.json"
