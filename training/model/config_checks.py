"""Checks what a config asks for: a model that we would build otherwise is refused by name."""

from collections.abc import Collection, Mapping
from dataclasses import fields
from typing import Any

# Settings that say nothing about the numbers of a forward pass.
WITHOUT_EFFECT = frozenset(
    """
    _attn_implementation_autoset _name_or_path architectures attn_implementation auto_map
    bos_token_id chunk_size_feed_forward classifier_dropout cross_attention_hidden_size
    decoder_start_token_id directionality dtype eos_token_id finetuning_task gradient_checkpointing
    id2label label2id name_or_path num_labels output_attentions output_hidden_states output_past
    pooler pooler_fc_size pooler_num_attention_heads pooler_num_fc_layers pooler_size_per_head
    pooler_type prefix problem_type return_dict return_dict_in_generate sep_token_id
    sbert_ce_default_activation_function sentence_transformers task_specific_params tf_legacy_loss
    tie_encoder_decoder tie_word_embeddings tokenizer_class torch_dtype torchscript
    transformers_version use_bfloat16 use_cache
    """.split()
)


def refuse_unknown(
    config: Mapping[str, Any],
    known: Mapping[str, object],
    required: Mapping[str, tuple[object, ...]],
    without_effect: Collection[str],
) -> None:
    """Checks every setting; silence would mean other numbers than the checkpoint's.

    Args:
        config: the content of `config.json`.
        known: the settings that our config reads -> their type.
        required: setting -> the values that we implement.
        without_effect: settings that change no number of a forward pass.

    Raises:
        ValueError: with every setting that is not understood, by its name and value.
    """
    refused = [
        f"{name} is {config[name]!r}, implemented: {', '.join(repr(v) for v in allowed)}"
        for name, allowed in required.items()
        if name in config and config[name] not in allowed
    ]
    refused += [
        f"{name} is {config[name]!r}, expected a whole number"
        for name, kind in known.items()
        if kind is int and name in config and type(config[name]) is not int
    ]
    unknown = sorted(set(config) - set(known) - set(required) - set(without_effect))
    refused += [f"{name} is {config[name]!r}, a setting that is not known here" for name in unknown]
    if refused:
        raise ValueError(
            f"config.json asks for a model that is not implemented: {'; '.join(refused)}. Use a "
            "checkpoint without it, or remove the setting if it does not change the model's numbers"
        )


def check_sizes(config: Any, *, may_be_zero: Collection[str] = ()) -> None:
    """Checks the sizes of a config's dataclass.

    Raises:
        ValueError: a size is below 1, or the heads do not divide the width.
    """
    for field in fields(config):
        value = getattr(config, field.name)
        least = 0 if field.name in may_be_zero else 1
        if field.type is int and value < least:
            raise ValueError(f"{field.name} is {value}; expected {least} or more")
    if config.hidden_size % config.num_attention_heads:
        raise ValueError(
            f"hidden_size {config.hidden_size} does not divide into {config.num_attention_heads} "
            f"heads; use a multiple, e.g. {config.num_attention_heads * 64}"
        )
