"""Tiny random models of many families, whose sizes are all distinct, to prove the method on.

Weights, biases and norms are random and large enough that maps are far from flat: a tracer joins
equal constants, and equal numbers prove nothing.
"""

import math
from collections.abc import Mapping
from typing import Any

import torch
import transformers
from transformers import AutoConfig, PreTrainedModel

from export.graphs.tasks import Task
from export.loading.encoders import encoder_alone

LAYERS, HEADS, DEPTH = 3, 5, 8
WORDS, POSITIONS, LABELS = 67, 41, 4
BERT = {
    "vocab_size": WORDS,
    "hidden_size": HEADS * DEPTH,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": HEADS,
    "intermediate_size": 56,
    "max_position_embeddings": POSITIONS,
}
_ROBERTA = {**BERT, "type_vocab_size": 1, "pad_token_id": 1}
_NARROW = {**BERT, "embedding_size": 24}
_XLM = {
    "vocab_size": WORDS,
    "emb_dim": HEADS * DEPTH,
    "n_layers": LAYERS,
    "n_heads": HEADS,
    "max_position_embeddings": POSITIONS,
    "n_langs": 1,
}
_DEBERTA = {
    **BERT,
    "relative_attention": True,
    "pos_att_type": ["p2c", "c2p"],
    "position_biased_input": False,
    "type_vocab_size": 0,
    "pooler_hidden_size": HEADS * DEPTH,
}
_MARKS = {"bos_token_id": 1, "cls_token_id": 1, "eos_token_id": 2, "sep_token_id": 2}
_GROUPED = {
    **BERT,
    "hidden_size": 6 * DEPTH,
    "num_attention_heads": 6,
    "num_key_value_heads": 2,
    "head_dim": DEPTH,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
_BART = {
    "vocab_size": WORDS,
    "d_model": HEADS * DEPTH,
    "encoder_layers": LAYERS,
    "encoder_attention_heads": HEADS,
    "encoder_ffn_dim": 56,
    "decoder_layers": 2,
    "decoder_attention_heads": 4,
    "decoder_ffn_dim": 48,
    "max_position_embeddings": POSITIONS,
}
_T5 = {
    "vocab_size": WORDS,
    "d_model": HEADS * DEPTH,
    "d_kv": DEPTH,
    "d_ff": 56,
    "num_layers": LAYERS,
    "num_decoder_layers": 2,
    "num_heads": HEADS,
    "relative_attention_num_buckets": 8,
    "relative_attention_max_distance": 20,
}
SIZES: Mapping[str, Mapping[str, Any]] = {
    "bert": BERT,
    "distilbert": {
        "vocab_size": WORDS,
        "dim": HEADS * DEPTH,
        "n_layers": LAYERS,
        "n_heads": HEADS,
        "hidden_dim": 56,
        "max_position_embeddings": POSITIONS,
    },
    "roberta": _ROBERTA,
    "xlm-roberta": _ROBERTA,
    "electra": _NARROW,
    "albert": _NARROW,
    "big_bird": {**BERT, "attention_type": "original_full"},
    # Of these six the encoder alone.
    **dict.fromkeys(("bart", "mbart", "m2m_100"), _BART),
    **dict.fromkeys(("t5", "mt5", "umt5"), _T5),
    "camembert": _ROBERTA,
    "data2vec-text": _ROBERTA,
    "deberta": {**_DEBERTA, "max_relative_positions": 16},
    "deberta-v2": {
        **_DEBERTA,
        "max_relative_positions": -1,
        "position_buckets": 8,
        "norm_rel_ebd": "layer_norm",
        "share_att_key": True,
    },
    "ernie": BERT,
    "esm": {
        **BERT,
        "pad_token_id": 1,
        "mask_token_id": 5,
        "position_embedding_type": "rotary",
    },
    "eurobert": _GROUPED,
    "flaubert": _XLM,
    "ibert": {**_ROBERTA, "quant_mode": False},
    "jina_embeddings_v3": BERT,
    "luke": {**BERT, "entity_vocab_size": 11, "entity_emb_size": 12, "pad_token_id": 1},
    "megatron-bert": BERT,
    "mobilebert": {
        **BERT,
        "hidden_size": 48,
        "embedding_size": 24,
        "intra_bottleneck_size": HEADS * DEPTH,
        "true_hidden_size": HEADS * DEPTH,
        "num_feedforward_networks": 2,
    },
    "modernbert": {
        **BERT,
        **_MARKS,
        "num_hidden_layers": 4,
        "global_attn_every_n_layers": 3,
        "local_attention": 6,
        "pad_token_id": 0,
    },
    "mpnet": {**BERT, "pad_token_id": 1},
    "nomic_bert": BERT,
    "rembert": {**BERT, "input_embedding_size": 24, "output_embedding_size": 32},
    "roberta-prelayernorm": _ROBERTA,
    "roformer": _NARROW,
    "squeezebert": {
        **BERT,
        "embedding_size": HEADS * DEPTH,
        **dict.fromkeys(("q_groups", "k_groups", "v_groups"), 2),
        "post_attention_groups": 1,
        "intermediate_groups": 2,
        "output_groups": 2,
    },
    "xlm": _XLM,
    "xlm-roberta-xl": _ROBERTA,
    "xlnet": {
        "vocab_size": WORDS,
        "d_model": HEADS * DEPTH,
        "n_layer": LAYERS,
        "n_head": HEADS,
        "d_inner": 56,
    },
    # Not opened, each for a reason of its own.
    "canine": {
        **BERT,
        "num_hash_buckets": 32,
        "downsampling_rate": 2,
        "local_transformer_stride": 8,
    },
    "convbert": {
        **_NARROW,
        "num_attention_heads": 6,
        "hidden_size": 48,
        "head_ratio": 2,
        "conv_kernel_size": 3,
        "num_groups": 1,
    },
    "fnet": {name: size for name, size in BERT.items() if name != "num_attention_heads"},
    "funnel": {
        "vocab_size": WORDS,
        "block_sizes": [2, 1, 1],
        "num_decoder_layers": 2,
        "d_model": HEADS * DEPTH,
        "n_head": HEADS,
        "d_head": DEPTH,
        "d_inner": 56,
    },
    "longformer": {**BERT, "attention_window": [4] * LAYERS, "pad_token_id": 1},
    "nystromformer": {**BERT, "num_landmarks": 4, "segment_means_seq_len": 8},
}
"""Family -> the settings of its tiny model."""


def random_model(family: str, task: Task, **settings: Any) -> PreTrainedModel:
    """A model of a family with a head for a task, in eager mode, the same each time.

    Raises:
        KeyError: the family is not among `SIZES`.
        ValueError: it has no such head.
    """
    # An answer has a start and an end, and no more.
    labels = 2 if task.name == "answer" else LABELS
    config = AutoConfig.for_model(family, **{**SIZES[family], "num_labels": labels, **settings})
    if config.is_encoder_decoder and task.name != "embed":
        raise ValueError(f"no head of {family} reads the encoder's hidden states alone")
    # A config that was never saved has None there, which transformers cannot look through where a
    # family has two plain encoders (Funnel).
    config.architectures = []
    torch.manual_seed(0)
    auto = getattr(transformers, task.auto)
    model = encoder_alone(auto.from_config(config, attn_implementation="eager")).eval()
    randomise(model)
    return model


def randomise(model: PreTrainedModel) -> None:
    """Draws all weights of a model anew, the same each time, in place."""
    generator = torch.Generator().manual_seed(1)

    def drawn(parameter: torch.Tensor) -> torch.Tensor:
        return torch.randn(parameter.shape, generator=generator)

    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.dim() >= 2 and "norm" not in name.lower():
                width = parameter[0].numel() if "embed" not in name else 4
                parameter.copy_(drawn(parameter) * (1.4 / math.sqrt(width)))
            elif "bias" in name.split(".")[-1]:
                parameter.copy_(drawn(parameter) * 0.2)
            else:
                parameter.add_(drawn(parameter) * 0.2)
