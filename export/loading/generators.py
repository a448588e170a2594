"""Opens a folder of any model in `transformers` that writes, as `encoders.py` one that reads.

What a bundle says of `generate` is what the folder says; what of that is not implemented is named.
"""

import inspect
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from bundle_format.generation import not_implemented
from export.graphs.spec import DecoderSpec
from export.loading.chat import leave_out_unusable_template
from export.loading.checkpoint import LoadedCheckpoint, LoadedGenerator
from export.loading.encoders import (
    describe_encoder,
    encoder_alone,
    known_of_config,
    limit_of_tokenizer,
    longest_text,
    open_config,
    unknown_class,
)
from export.loading.generation_settings import check_settings, settings_of
from export.loading.m2m import is_m2m, m2m_tokenizer
from export.loading.marian import is_marian, marian_tokenizer
from export.loading.weights import check_whole, open_model
from training.checkpoints.classifier import find_folder, load_tokenizer
from training.checkpoints.files import read_config

_HEADS = ("decoder_attention_heads", "num_attention_heads", "num_heads")
_LAYERS = ("decoder_layers", "num_decoder_layers", "num_hidden_layers", "num_layers")


def load_generator(name: str) -> LoadedCheckpoint:
    """Opens a folder or a model on the Hub, of any family that writes.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: as `check_settings`; weights do not fit, the tokenizer is another model's, or
            nothing says which token begins what is written for a source.
    """
    folder = find_folder(name)
    written = read_config(folder)
    config = open_config(folder, written)
    of_settings = check_settings(folder, config)
    reads = bool(config.is_encoder_decoder)
    auto = "AutoModelForSeq2SeqLM" if reads else "AutoModelForCausalLM"
    model, found = open_model(folder, config, auto)
    unread = check_whole(folder, model, found)
    model.eval()
    table: Any = model.get_input_embeddings()
    tokenizer, of_tokenizer = _open_tokenizer(folder, len(table.weight))
    sizes, assumed = decoder_spec(model, tokenizer)
    assumed = [*unknown_class(written, model), *unread, *of_tokenizer, *assumed, *of_settings]
    if sizes.vocab_size < len(tokenizer):
        raise ValueError(
            f"{folder} has one tokenizer, of {len(tokenizer)} words, and its decoder writes "
            f"{sizes.vocab_size}: they do not share it, and what it writes could not be read"
        )
    encoder = None
    if reads:
        alone = encoder_alone(model)
        encoder, remarks = describe_encoder(folder, alone, tokenizer, written, "encode")
        assumed = [*remarks, *assumed]
    else:
        _take_prompts(tokenizer)
        assumed += leave_out_unusable_template(tokenizer)
    generation = settings_of(model)
    if reads:
        _check_begins(generation, folder)
    part = LoadedGenerator(
        folder=folder,
        model=model,
        tokenizer=tokenizer,
        config={**_known(model), "architectures": [type(model).__name__]},
        sizes=sizes,
        generation=generation,
    )
    return LoadedCheckpoint(
        encoder=encoder, decoder=part, assumed=(*assumed, *not_implemented(generation))
    )


def _open_tokenizer(folder: Path, words: int) -> tuple[PreTrainedTokenizerBase, list[str]]:
    """The tokenizer of a folder, and what it does otherwise than that of `transformers`: it is made
    where there are but files of SentencePiece, of two families."""
    if is_marian(folder):
        return marian_tokenizer(folder)
    if is_m2m(folder):
        return m2m_tokenizer(folder)
    return load_tokenizer(folder, words=words), []


_BEGINS = ("decoder_start_token_id", "bos_token_id")


def _check_begins(generation: Mapping[str, Any], folder: Path) -> None:
    """Raises ValueError: nothing says which token begins what is written for a source."""
    if all(generation.get(name) is None for name in _BEGINS):
        raise ValueError(
            f"{folder} does not say which token begins a text; expected decoder_start_token_id (or "
            "bos_token_id) in generation_config.json"
        )


def _known(model: PreTrainedModel) -> dict[str, Any]:
    """Its config; of a model that is put together of two, those of both."""
    config, known = model.config, known_of_config(model.config)
    for half in ("encoder", "decoder"):
        if config.model_type == "encoder-decoder":
            known[half] = known_of_config(getattr(config, half))
    return known


def _take_prompts(tokenizer: PreTrainedTokenizerBase) -> None:
    """Has a tokenizer say what the graph takes, and that prompts of a batch are padded in front."""
    inputs = ["input_ids", "attention_mask"]
    tokenizer.model_input_names, tokenizer.padding_side = inputs, "left"
    tokenizer.init_kwargs |= {"model_input_names": inputs, "padding_side": "left"}


def decoder_spec(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase | None = None
) -> tuple[DecoderSpec, list[str]]:
    """The sizes of a model's decoder, and what is remarkable about it, in a sentence each.

    What is cached, and how wide what comes out is, is seen in a run on two tokens.

    Raises:
        ValueError: it caches something else than keys and values for each layer, or nothing and
            does not write by its text alone; or its config does not say how many layers and heads
            it has.
    """
    whole, reads = model.config, bool(model.config.is_encoder_decoder)
    config = whole.decoder if whole.model_type == "encoder-decoder" else whole
    layers, heads = _first(config, _LAYERS), _first(config, _HEADS)
    with torch.no_grad():
        ids = torch.tensor([[1, 2]])
        out = model(input_ids=ids, use_cache=True, **({"decoder_input_ids": ids} if reads else {}))
    remarks, limit = list[str](), _longest(model, config)
    cache = getattr(out, "past_key_values", None)
    if cache is None:
        _check_needs_no_cache(model)
        remarks.append(
            f"transformers keeps no keys and values for {whole.model_type}: it reads the whole "
            "text again for each token that it writes, so that a long text takes long"
        )
        kept, depth = heads, config.hidden_size // heads
    else:
        kept, depth = _cached_sizes(whole, cache.self_attention_cache if reads else cache)
    if limit is None:
        limit = limit_of_tokenizer(tokenizer)
        remarks.append(f"the model names no longest text to write: taken for {limit} tokens")
    spec = DecoderSpec(
        model_type=whole.model_type,
        vocab_size=out.logits.shape[-1],
        hidden_size=config.hidden_size,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        max_position_embeddings=limit,
        num_key_value_heads=kept,
        head_dim=depth,
        source_width=out.encoder_last_hidden_state.shape[-1] if reads else 0,
        takes_positions="position_ids" in inspect.signature(model.forward).parameters,
        cached=cache is not None,
        pad_token_id=getattr(config, "pad_token_id", None) or 0,
    )
    return spec, remarks


def _cached_sizes(config: Any, cache: Any) -> tuple[int, int]:
    """Of what a cache holds of two tokens, how many heads have keys, and how long those are."""
    shapes = {(*keys.shape[1::2], *values.shape[1::2]) for keys, values in pairs_of(cache)}
    if len(shapes) != 1 or len({*next(iter(shapes))[1::2]}) != 1:
        raise ValueError(
            f"a {config.model_type} caches keys and values of the sizes {sorted(shapes)}; expected "
            "the same of every layer"
        )
    kept, depth, *_ = next(iter(shapes))
    return kept, depth


def _check_needs_no_cache(model: Any) -> None:
    """Raises ValueError: the model writes by something else than the text so far, read again."""
    without = f"a {model.config.model_type} of transformers keeps no keys and values of a text, and"
    if model.config.is_encoder_decoder:
        raise ValueError(
            f"{without} the graph of what writes behind an encoder takes them from step to step. "
            "Give a model that has a cache"
        )
    ids = torch.tensor([[1, 2, 1]])
    asked = model.prepare_inputs_for_generation(ids, attention_mask=torch.ones_like(ids))
    if not torch.equal(asked["input_ids"], ids):
        raise ValueError(
            f"{without} generate puts a token behind it, in whose place the next one is written; "
            "here a text is read as it is. Give a model that goes on from the last token"
        )
    with torch.no_grad():
        longer, shorter = model(ids).logits[:, :2], model(ids[:, :2]).logits
    if (longer - shorter).abs().max() > 1e-5 * max(1.0, float(longer.abs().max())):
        raise ValueError(
            f"{without} its tokens attend to those behind them, so that it cannot write (of some "
            "families is_decoder in config.json says that they do not). Give a decoder"
        )


def pairs_of(cache: Any) -> Sequence[tuple[Tensor, Tensor]]:
    """The keys and values that a cache holds, by layer."""
    return [(layer.keys, layer.values) for layer in cache.layers]


def _first(config: Any, names: tuple[str, ...]) -> int:
    found = (getattr(config, name, None) for name in names)
    size = next((one for one in found if isinstance(one, int) and one > 0), None)
    if size is None:
        raise ValueError(
            f"the config of a {config.model_type} does not say {' or '.join(names)}: its attention "
            "maps cannot be counted"
        )
    return size


def _longest(model: PreTrainedModel, config: Any) -> int | None:
    """The most tokens that the decoder has positions for; None if its config does not say."""
    if config is model.config:
        return longest_text(model)
    whole: Any = model
    return longest_text(whole.decoder)
