"""What fixes the size of a GPT decoder; a sibling of `config.py`.

Corresponds to `transformers/models/gpt2/configuration_gpt2.py`. GPT-2 has words of its own for
sizes (`n_embd`, `n_layer`, ...): in code we keep BERT's, so that one word means one thing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from training.model.config_checks import check_settings, check_sizes, in_own_words
from training.model.tasks import class_of, is_known, task_of

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
    for name in (
        *("hidden_size", "num_hidden_layers", "num_attention_heads", "max_position_embeddings"),
    )
}
_GPT2_WITHOUT_EFFECT = {
    *("is_decoder", "is_encoder_decoder", "n_ctx", "pad_token_id", "summary_activation"),
    *("summary_first_dropout", "summary_proj_to_labels", "summary_type", "summary_use_proj"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class DecoderConfig:
    """The size of a GPT decoder; the defaults are those of gpt2. Names as in `EncoderConfig`."""

    vocab_size: int = 50257
    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    max_position_embeddings: int = 1024
    layer_norm_eps: float = 1e-5
    hidden_dropout: float = 0.1
    """On what each sub-layer adds."""
    embedding_dropout: float = 0.1
    attention_dropout: float = 0.1
    initializer_range: float = 0.02
    cross_attention: bool = True
    """Whether it can read a source. False: a plain GPT-2."""

    def __post_init__(self) -> None:
        check_sizes(self)

    @classmethod
    def from_hf(cls, config: Mapping[str, Any]) -> "DecoderConfig":
        """Reads the content of a GPT-2's `config.json`.

        Raises:
            ValueError: as `EncoderConfig.from_hf`.
        """
        if config.get("model_type") not in ("gpt2", None):
            raise ValueError(_other_decoder(config))
        written = {_GPT2_NAMES.get(field.name, field.name): field for field in fields(cls)}
        # GPT-2 writes null where the feed-forward network is four times as wide as the rest.
        given = {name: value for name, value in config.items() if value is not None}
        given = in_own_words(given, _GPT2_ALIASES)
        check_settings(
            given,
            {name: field.type for name, field in written.items()},
            _GPT2_REQUIRED,
            without_effect=_GPT2_WITHOUT_EFFECT,
            class_known=is_known(config, ["GPT2"]),
        )
        ours = {field.name: given[name] for name, field in written.items() if name in given}
        ours.setdefault("intermediate_size", 4 * ours.get("hidden_size", cls().hidden_size))
        ours.setdefault("cross_attention", False)
        return cls(**ours)

    def to_hf(self) -> dict[str, Any]:
        """The content of `config.json`; `from_hf` reads it back, and so does `transformers`."""
        sizes = {_GPT2_NAMES.get(f.name, f.name): getattr(self, f.name) for f in fields(self)}
        return {
            "model_type": "gpt2",
            "architectures": ["GPT2LMHeadModel"],
            "activation_function": "gelu_new",
            "is_decoder": True,
            "tie_word_embeddings": True,
            **sizes,
        }


def _other_decoder(config: Mapping[str, Any]) -> str:
    found, named = str(config["model_type"])[:80], class_of(config)
    task = task_of(named) if named else None
    return (
        f"the decoder is a model of type {found!r}{f' ({named}, {task})' if task else ''}; only "
        "gpt2 is implemented as a decoder, with cross-attention. Train one with: "
        "python training/train_hybrid.py"
    )
