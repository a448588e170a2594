"""Checks what a config asks for: a model that we would build otherwise is refused by name.

A setting counts by what it does. A family's class in `transformers` reads some settings: those we
read as well, or implement one value of. Whatever else stands in the `config.json` of such a class
changes none of its numbers, whoever wrote it: settings of `generate`, flags of what is returned, a
trainer's notes. A config that names no class may be of another program's model: there only what is
listed here is passed over, and what is not known is refused.
"""

import sys
from collections.abc import Collection, Iterable, Mapping
from dataclasses import fields
from reprlib import repr as short
from typing import Any

# What all versions of transformers wrote beside the settings that a forward pass reads.
_WRITTEN_BESIDE = frozenset(
    """
    _attn_implementation_autoset _commit_hash _name_or_path _num_labels architectures
    attn_implementation auto_map bos_token_id chunk_size_feed_forward classifier_dropout
    cross_attention_hidden_size directionality dtype eos_token_id eos_token_ids finetuning_task
    gradient_checkpointing id2label label2id name_or_path num_labels output_attentions
    output_hidden_states output_past pooler pooler_fc_size pooler_num_attention_heads
    pooler_num_fc_layers pooler_size_per_head pooler_type problem_type return_dict
    sbert_ce_default_activation_function sentence_transformers sep_token_id task_specific_params
    tf_legacy_loss tie_encoder_decoder tie_word_embeddings tokenizer_class torch_dtype torchscript
    transformers_version use_bfloat16 use_cache xla_device
    """.split()
)
# Settings of `generate`, which stood in every config.json until they had a file of their own.
OF_GENERATE = frozenset(
    """
    bad_words_ids begin_suppress_tokens decoder_start_token_id diversity_penalty do_sample
    early_stopping encoder_no_repeat_ngram_size encoder_repetition_penalty epsilon_cutoff eta_cutoff
    exponential_decay_length_penalty forced_bos_token_id forced_eos_token_id length_penalty
    max_length min_length no_repeat_ngram_size num_beam_groups num_beams num_return_sequences
    output_scores prefix remove_invalid_values repetition_penalty return_dict_in_generate
    suppress_tokens temperature top_k top_p typical_p
    """.split()
)
# Their values that no model of ours has: setting -> what it must be, where it is written.
_ALWAYS: dict[str, tuple[object, ...]] = {"pruned_heads": ({},), "quantization_config": ()}
_MOST = 6
_LARGEST_NUMBER = 1_000  # of layer_norm_eps and initializer_range, which are far below 1
_KINDS: dict[object, str] = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    int | None: "a whole number or null",
    float | None: "a number or null",
}


def check_settings(
    config: Mapping[str, Any],
    known: Mapping[str, object],
    required: Mapping[str, tuple[object, ...]],
    *,
    without_effect: Collection[str] = (),
    class_known: bool,
) -> None:
    """Checks every setting; silence would mean other numbers than the checkpoint's.

    A null is as if it was not written, except where a size stands.

    Args:
        config: the content of `config.json`.
        known: the settings that our config reads -> their type.
        required: setting -> the values that we implement.
        without_effect: settings of this family alone that change no number of a forward pass.
        class_known: whether `config` names a class of transformers.

    Raises:
        ValueError: with the settings that are not implemented, by name and value.
    """
    required = {**_ALWAYS, **required}
    refused = [
        f"{name} is {short(config[name])}"
        + (f", implemented: {', '.join(map(repr, allowed))}" if allowed else "")
        for name, allowed in required.items()
        if config.get(name) is not None and config[name] not in allowed
    ]
    refused += [
        f"auto_map gives {name} code of its own"
        for name in config.get("auto_map") or ()
        if "AutoModel" in name
    ]
    refused += [
        f"{name} is {short(config[name])}, expected {_KINDS[kind]}"
        for name, kind in known.items()
        if name in config and not is_a(kind, config[name])
    ]
    if not class_known:
        unread = unread_settings(config, {*known, *required, *without_effect})
        refused += [f"{name} is {short(config[name])}, which is not known here" for name in unread]
    if refused:
        more = f" and {len(refused) - _MOST} more" if len(refused) > _MOST else ""
        raise ValueError(
            f"config.json asks for what is not implemented: {'; '.join(refused[:_MOST])}{more}. "
            "Use a checkpoint without it, or remove a setting that changes none of the model's "
            "numbers"
        )


def in_own_words(config: Mapping[str, Any], aliases: Mapping[str, str]) -> dict[str, Any]:
    """A config whose settings stand under the names that `aliases` leads to.

    Raises:
        ValueError: a setting stands under both names with two values.
    """
    written = dict(config)
    for other, name in aliases.items():
        value = written.pop(other, None)
        if value is not None and written.setdefault(name, value) != value:
            raise ValueError(
                f"config.json says {name} {written[name]} and {other} {value}, which are one "
                "setting. Keep the one that the weights have"
            )
    return written


def unread_settings(config: Mapping[str, Any], read: Iterable[str]) -> list[str]:
    """The settings that say something and of which it is not known what for."""
    written = {name for name, value in config.items() if value not in (None, {}, [])}
    return sorted(written - set(read) - _WRITTEN_BESIDE - OF_GENERATE)


def is_a(kind: object, value: object) -> bool:
    """Whether a value from a JSON file is of a field's type, and finite."""
    if value is None or isinstance(value, bool):
        return kind is bool if value is not None else kind in (int | None, float | None)
    if kind in (float, float | None):
        # A comparison takes a whole number that no float holds, too.
        return isinstance(value, int | float) and abs(value) <= sys.float_info.max
    return kind in (int, int | None) and isinstance(value, int)


def check_number(name: str, value: float | None) -> None:
    """Raises ValueError: a probability is none, or another number no layer can be made with."""
    most = 1 if "dropout" in name else _LARGEST_NUMBER
    if value is not None and not 0 <= value <= most:
        raise ValueError(f"{name} is {short(value)} in config.json; expected 0 to {most}")


def check_sizes(config: Any, *, may_be_zero: Collection[str] = ()) -> None:
    """Checks the sizes of a config's dataclass.

    Raises:
        ValueError: a size is below 1, another number as `check_number` says, or the heads do not
            divide the width.
    """
    for field in fields(config):
        value = getattr(config, field.name)
        least = 0 if field.name in may_be_zero else 1
        if field.type is int and value < least:
            raise ValueError(f"{field.name} is {short(value)}; expected {least} or more")
        if field.type is float:
            check_number(field.name, value)
    if config.hidden_size % config.num_attention_heads:
        raise ValueError(
            f"hidden_size {short(config.hidden_size)} does not divide into "
            f"{short(config.num_attention_heads)} heads; use a multiple, e.g. "
            f"{short(config.num_attention_heads * 64)}"
        )
