"""Tiny random models that write, of many families, whose sizes are all distinct."""

from collections.abc import Mapping
from typing import Any

import torch
import transformers
from transformers import AutoConfig, EncoderDecoderConfig, GenerationConfig, PreTrainedModel

from export.any_model.random_models import BERT, DEPTH, HEADS, LAYERS, POSITIONS, WORDS, randomise

_PAD, _START, _END = 0, 1, 2
_GPT2 = {
    "vocab_size": WORDS,
    "n_embd": HEADS * DEPTH,
    "n_layer": LAYERS,
    "n_head": HEADS,
    "n_inner": 56,
    "n_positions": POSITIONS,
}
_GROUPED = {
    **BERT,
    "hidden_size": 6 * DEPTH,
    "num_attention_heads": 6,
    "num_key_value_heads": 2,
    "head_dim": DEPTH,
}
_WINDOW = {**_GROUPED, "sliding_window": 5}
_GEMMA = {**_WINDOW, "query_pre_attn_scalar": DEPTH}
_BART = {
    "vocab_size": WORDS,
    "d_model": HEADS * DEPTH,
    "encoder_layers": 1,
    "decoder_layers": 2,
    "encoder_attention_heads": HEADS,
    "decoder_attention_heads": 4,
    "encoder_ffn_dim": 56,
    "decoder_ffn_dim": 48,
    "max_position_embeddings": POSITIONS,
}
_SCALED = {**_BART, "scale_embedding": True}
_T5 = {
    "vocab_size": WORDS,
    "d_model": 48,
    "d_kv": DEPTH,
    "d_ff": 56,
    "num_layers": 2,
    "num_decoder_layers": LAYERS,
    "num_heads": HEADS,
    "relative_attention_num_buckets": 8,
    "relative_attention_max_distance": 12,
}
SIZES: Mapping[str, Mapping[str, Any]] = {
    "biogpt": BERT,
    "bloom": {
        "vocab_size": WORDS,
        "hidden_size": HEADS * DEPTH,
        "n_layer": LAYERS,
        "n_head": HEADS,
    },
    "cohere": _GROUPED,
    "falcon": {**BERT, "new_decoder_architecture": False, "multi_query": True, "alibi": False},
    "gemma": _GROUPED,
    "gemma2": _GEMMA,
    "gemma3_text": _GEMMA,
    "gpt2": _GPT2,
    "gpt_bigcode": {**_GPT2, "multi_query": True},
    "gpt_neo": {
        "vocab_size": WORDS,
        "hidden_size": HEADS * DEPTH,
        "num_layers": 4,
        "num_heads": HEADS,
        "attention_types": [[["global", "local"], 2]],
        "intermediate_size": 56,
        "max_position_embeddings": POSITIONS,
        "window_size": 5,
    },
    "gpt_neox": {**BERT, "rotary_pct": 0.25},
    "gptj": {**_GPT2, "rotary_dim": 4},
    "granite": _GROUPED,
    "llama": _GROUPED,
    "mistral": _WINDOW,
    "olmo2": _GROUPED,
    "openai-gpt": {name: size for name, size in _GPT2.items() if name != "n_inner"},
    "opt": {**BERT, "ffn_dim": 56, "word_embed_proj_dim": HEADS * DEPTH},
    "phi": {**BERT, "partial_rotary_factor": 0.5},
    "phi3": _GROUPED,
    "qwen2": _GROUPED,
    "qwen3": _GROUPED,
    "smollm3": _GROUPED,
    "stablelm": _GROUPED,
    "starcoder2": _GROUPED,
    "xglm": {
        "vocab_size": WORDS,
        "d_model": HEADS * DEPTH,
        "ffn_dim": 56,
        "num_layers": LAYERS,
        "attention_heads": HEADS,
        "max_position_embeddings": POSITIONS,
    },
    # With an encoder.
    **dict.fromkeys(("bart", "blenderbot", "m2m_100", "mbart", "plbart"), _BART),
    **dict.fromkeys(("marian", "pegasus"), _SCALED),
    **dict.fromkeys(("mt5", "t5", "umt5"), _T5),
    # Not opened, each for a reason of its own.
    "gpt_oss": {**_WINDOW, "num_local_experts": 3, "num_experts_per_tok": 2},
    "led": {**_BART, "attention_window": 4, "max_encoder_position_embeddings": POSITIONS},
    "longt5": _T5,
}
"""Family -> the settings of its tiny model."""
PAIRS = {
    "bert + bert": (BERT, "bert", 6 * DEPTH),
    "bert + gpt2": (_GPT2, "gpt2", HEADS * DEPTH),
}
"""Put together by an EncoderDecoderModel: sizes and family of what writes, and the width of the
BERT that reads."""
_WITH_ENCODER = {*SIZES} & {
    *("bart", "blenderbot", "led", "longt5", "m2m_100", "marian", "mbart", "mt5", "pegasus"),
    *("plbart", "t5", "umt5"),
}


def random_generator(family: str, **generation: Any) -> PreTrainedModel:
    """A model of a family, in eager mode, the same each time.

    Args:
        generation: settings of `generate`, beside those that begin, end and pad.

    Raises:
        KeyError: the family is neither among `SIZES` nor among `PAIRS`.
    """
    marks = {"pad_token_id": _PAD, "bos_token_id": _START, "eos_token_id": _END}
    if family in PAIRS or family in _WITH_ENCODER:
        marks["decoder_start_token_id"] = _START
    if family in PAIRS:
        sizes, decoder, width = PAIRS[family]
        heads = width // DEPTH
        reads = AutoConfig.for_model(
            "bert", **{**BERT, "hidden_size": width, "num_attention_heads": heads}
        )
        reads.num_hidden_layers = 2
        writes = AutoConfig.for_model(decoder, **sizes)
        config = EncoderDecoderConfig.from_encoder_decoder_configs(reads, writes, **marks)
    else:
        config = AutoConfig.for_model(family, **SIZES[family], **marks)
    reads_source = config.is_encoder_decoder
    auto = transformers.AutoModelForSeq2SeqLM if reads_source else transformers.AutoModelForCausalLM
    torch.manual_seed(0)
    model = auto.from_config(config, attn_implementation="eager").eval()
    randomise(model)
    model.generation_config = GenerationConfig(**(marks | generation))
    return model
