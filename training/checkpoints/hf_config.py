"""A model's sizes and its `config.json`, both ways: BERT's, its relatives', and GPT-2's.

What each family calls a setting stands in `hf_names.py`. A model that we would build otherwise is
refused by name. A setting counts by what it does: a family's class in `transformers` reads some
settings, and we read those as well, or implement one value of them. Whatever else stands in the
`config.json` of such a class changes none of its numbers, whoever wrote it: settings of `generate`,
flags of what is returned, a trainer's notes. A config that names no class may be of another
program's model: there only what is listed here is passed over, and what is not known is refused.
"""

import sys
from collections.abc import Collection, Iterable, Mapping
from dataclasses import fields, replace
from reprlib import repr as short
from typing import Any

from training.checkpoints.hf_names import (
    FAMILIES,
    OURS,
    PREFIXES,
    Family,
    described,
    family_of,
    is_known,
)
from training.model.config import ClassifierConfig, DecoderConfig, EncoderConfig, check_number

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
# Values without which `encoder_from_hf` would build a different model: setting -> what it must be.
_REQUIRED: dict[str, tuple[object, ...]] = {
    "model_type": tuple(FAMILIES),  # see `family_of`
    "is_decoder": (False,),
    "add_cross_attention": (False,),
    "is_encoder_decoder": (False,),
}
_MOST_LABELS = 100_000
# Our name -> Hugging Face's, where GPT-2's config.json has a word of its own.
_GPT2_NAMES = {
    "hidden_size": "n_embd",
    "num_hidden_layers": "n_layer",
    "num_attention_heads": "n_head",
    "intermediate_size": "n_inner",
    "max_position_embeddings": "n_positions",
    "layer_norm_eps": "layer_norm_epsilon",
    "hidden_dropout": "resid_pdrop",
    "embedding_dropout": "embd_pdrop",
    "attention_dropout": "attn_pdrop",
    "cross_attention": "add_cross_attention",
}
_GPT2_REQUIRED: dict[str, tuple[object, ...]] = {
    "model_type": ("gpt2",),
    "activation_function": ("gelu_new", "gelu_pytorch_tanh"),
    "scale_attn_weights": (True,),
    "scale_attn_by_inverse_layer_idx": (False,),
    "reorder_and_upcast_attn": (False,),
    "tie_word_embeddings": (True,),
}
# Other words under which transformers takes a setting -> GPT-2's own.
_GPT2_ALIASES = {
    name: _GPT2_NAMES[name]
    for name in "hidden_size num_hidden_layers num_attention_heads max_position_embeddings".split()
}
_GPT2_WITHOUT_EFFECT = {
    *("is_decoder", "is_encoder_decoder", "n_ctx", "pad_token_id", "summary_activation"),
    *("summary_first_dropout", "summary_proj_to_labels", "summary_type", "summary_use_proj"),
}
_KINDS: dict[object, str] = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    int | None: "a whole number or null",
    float | None: "a number or null",
}


def encoder_from_hf(config: Mapping[str, Any]) -> EncoderConfig:
    """Reads the content of an encoder's `config.json`, of any of our families.

    Raises:
        ValueError: the model's family is not implemented, or a setting has a value that we do
            not implement, or is not known to us; every such setting is named.
    """
    family = family_of(config)
    config = _in_own_words(config, family.aliases)
    given = _checked_settings(
        config,
        EncoderConfig,
        family.settings,
        _required(family),
        without_effect=family.without_effect,
        class_known=is_known(config, PREFIXES),
    )
    read = EncoderConfig(model_type=family.model_type, **{**family.defaults, **given})
    # RoBERTa counts the rows of its table, which has those of `first_position` more.
    limit = read.max_position_embeddings - read.first_position
    return replace(read, max_position_embeddings=limit)


def encoder_to_hf(config: EncoderConfig) -> dict[str, Any]:
    """The settings in `config.json` that `encoder_from_hf` reads, under the family's own names."""
    family = FAMILIES[config.model_type]
    ours = {field.name: getattr(config, field.name) for field in fields(config)} | {
        "max_position_embeddings": config.max_position_embeddings + config.first_position,
        "embedding_size": config.embedding_size or config.hidden_size,
    }
    names = family.settings
    written = {names[name]: value for name, value in ours.items() if name in names}
    return {**family.fixed, **written}


def classifier_from_hf(config: Mapping[str, Any], *, outputs: int = 2) -> ClassifierConfig:
    """Reads the content of a sequence classifier's `config.json`, of any of our families.

    There are `outputs` labels where they are neither named nor counted. Raises ValueError as
    `encoder_from_hf` does, and where labels or problem type cannot be read.
    """
    encoder = encoder_from_hf(config)
    dropout = FAMILIES[encoder.model_type].settings["classifier_dropout"]
    if not is_a(float | None, config.get(dropout)):
        raise ValueError(f"{dropout} is {short(config[dropout])}; expected a number")
    check_number(dropout, config.get(dropout))
    labels = labels_of(config, outputs)
    return ClassifierConfig(
        encoder=encoder,
        labels=labels,
        problem_type=config.get("problem_type") or problem_of(labels, config),
        classifier_dropout=config.get(dropout),
        pooler=config.get("pooler") is not False,
    )


def classifier_to_hf(config: ClassifierConfig) -> dict[str, Any]:
    """The content of `config.json`; `classifier_from_hf` reads it back, and so does `transformers`.

    Only `transformers` cannot know `pooler`: it is written when False, and then
    `architectures` names our class, so that no other loader takes the folder for its own.
    """
    family, dropout = FAMILIES[config.encoder.model_type], config.classifier_dropout
    written: dict[str, Any] = {
        "model_type": family.model_type,
        "architectures": [family.architecture if config.pooler else OURS],
        **encoder_to_hf(config.encoder),
        # Not every family takes a null here; none needs one.
        **({} if dropout is None else {family.settings["classifier_dropout"]: dropout}),
        "problem_type": config.problem_type,
        "id2label": {str(i): name for i, name in enumerate(config.labels)},
        "label2id": {name: i for i, name in enumerate(config.labels)},
    }
    return written if config.pooler else {**written, "pooler": False}


def decoder_from_hf(config: Mapping[str, Any]) -> DecoderConfig:
    """Reads the content of a GPT-2's `config.json`; raises ValueError as `encoder_from_hf` does."""
    if config.get("model_type") not in ("gpt2", None):
        raise ValueError(
            f"the decoder is {described(config)}; only gpt2 is implemented as a decoder, with "
            "cross-attention. Train one with: python training/train_hybrid.py"
        )
    # GPT-2 writes null where the feed-forward network is four times as wide as the rest.
    written = {name: value for name, value in config.items() if value is not None}
    ours = _checked_settings(
        _in_own_words(written, _GPT2_ALIASES),
        DecoderConfig,
        {field.name: _GPT2_NAMES.get(field.name, field.name) for field in fields(DecoderConfig)},
        _GPT2_REQUIRED,
        without_effect=_GPT2_WITHOUT_EFFECT,
        class_known=is_known(config, ["GPT2"]),
    )
    ours.setdefault("intermediate_size", 4 * ours.get("hidden_size", DecoderConfig().hidden_size))
    ours.setdefault("cross_attention", False)
    return DecoderConfig(**ours)


def decoder_to_hf(config: DecoderConfig) -> dict[str, Any]:
    """The content of `config.json`; `decoder_from_hf` reads it back, and so does `transformers`."""
    sizes = {_GPT2_NAMES.get(f.name, f.name): getattr(config, f.name) for f in fields(config)}
    return {
        "model_type": "gpt2",
        "architectures": ["GPT2LMHeadModel"],
        "activation_function": "gelu_new",
        "is_decoder": True,
        "tie_word_embeddings": True,
        **sizes,
    }


def unread(config: Mapping[str, Any]) -> list[str]:
    """The settings in a `config.json` that no classifier of its family reads."""
    family = family_of(config)
    read = {*family.settings.values(), *family.aliases, *family.without_effect, *_required(family)}
    return _unread_settings(config, read)


def _required(family: Family) -> dict[str, tuple[object, ...]]:
    return {name: (value,) for name, value in family.fixed.items()} | _REQUIRED


def labels_of(config: Mapping[str, Any], outputs: int) -> tuple[str, ...]:
    """The classes' names by `id2label` or `label2id`, or numbered as transformers does.

    Raises:
        ValueError: they are not a name for each of 0, 1, 2 ...
    """
    named = config.get("id2label") or _turned(config.get("label2id"))
    if not named:
        count = config.get("num_labels") or outputs
        if not (is_a(int, count) and 0 < count <= _MOST_LABELS):
            raise ValueError(f"num_labels is {short(count)}; expected 1 to {_MOST_LABELS}")
        return tuple(f"LABEL_{i}" for i in range(count))
    counted = {str(i) for i in range(len(named))} if isinstance(named, Mapping) else None
    named_all = counted is not None and not any(name is None for name in named.values())
    if not named_all or counted != set(map(str, named)):
        raise ValueError(
            f"id2label is {short(named)}; expected a name for each output: "
            '{"0": ..., "1": ...}, counted from 0 without a gap'
        )
    return tuple(str(name) for _, name in sorted(named.items(), key=lambda item: int(item[0])))


def _turned(ids: Any) -> Any:
    """`label2id` as an `id2label`; nothing if it is not one name for each number."""
    if not isinstance(ids, Mapping) or not all(is_a(int, number) for number in ids.values()):
        return None
    turned = {str(number): name for name, number in ids.items()}
    return turned if len(turned) == len(ids) else None


def problem_of(labels: tuple[str, ...], config: Mapping[str, Any]) -> str:
    """What the logits mean where `problem_type` is not written.

    One output is a number as it is, unless the cross-encoders of `sentence-transformers` note that
    a sigmoid follows it.
    """
    if len(labels) > 1:
        return "single_label_classification"
    noted = config.get("sentence_transformers")
    after = noted.get("activation_fn") if isinstance(noted, Mapping) else None
    after = str(after or config.get("sbert_ce_default_activation_function"))
    return "multi_label_classification" if after.endswith("Sigmoid") else "regression"


def _checked_settings(
    config: Mapping[str, Any],
    ours: type[EncoderConfig | DecoderConfig],
    names: Mapping[str, str],
    required: Mapping[str, tuple[object, ...]],
    *,
    without_effect: Collection[str],
    class_known: bool,
) -> dict[str, Any]:
    """Our config's fields that are written, after every setting was checked.

    Silence would mean other numbers than the checkpoint's. A null is as if it was not written,
    except where a size stands.

    Args:
        config: the content of `config.json`.
        names: our config's fields -> the settings that say them.
        required: setting -> the values that we implement.
        without_effect: settings of this family alone that change no number of a forward pass.
        class_known: whether `config` names a class of transformers.

    Raises:
        ValueError: with the settings that are not implemented, by name and value.
    """
    read = {names[field.name]: field for field in fields(ours) if field.name in names}
    known = {setting: field.type for setting, field in read.items()}
    refused = _wrong_values(config, known, required := {**_ALWAYS, **required})
    if not class_known:
        strange = _unread_settings(config, {*known, *required, *without_effect})
        refused += [f"{name} is {short(config[name])}, which is not known here" for name in strange]
    if refused:
        more = f" and {len(refused) - _MOST} more" if len(refused) > _MOST else ""
        raise ValueError(
            f"config.json asks for what is not implemented: {'; '.join(refused[:_MOST])}{more}. "
            "Use a checkpoint without it, or remove a setting that changes none of the model's "
            "numbers"
        )
    return {field.name: config[name] for name, field in read.items() if name in config}


def _wrong_values(
    config: Mapping[str, Any],
    known: Mapping[str, object],
    required: Mapping[str, tuple[object, ...]],
) -> list[str]:
    """Settings with a value that we do not implement, or of another type, each in a few words."""
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
    return refused


def _in_own_words(config: Mapping[str, Any], aliases: Mapping[str, str]) -> dict[str, Any]:
    """A config under the names that `aliases` leads to; ValueError: two of them differ."""
    written = dict(config)
    for other, name in aliases.items():
        value = written.pop(other, None)
        if value is not None and written.setdefault(name, value) != value:
            raise ValueError(
                f"config.json says {name} {written[name]} and {other} {value}, which are one "
                "setting. Keep the one that the weights have"
            )
    return written


def _unread_settings(config: Mapping[str, Any], read: Iterable[str]) -> list[str]:
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
