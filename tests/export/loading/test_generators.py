"""What is seen of a model that writes before it is traced."""

import pytest
from transformers import AutoConfig, AutoModelForCausalLM

from export.loading.generators import decoder_spec

_BERT = {"num_hidden_layers": 1, "num_attention_heads": 2, "hidden_size": 8, "intermediate_size": 8}
_XLM = {"emb_dim": 8, "n_layers": 1, "n_heads": 2, "mask_token_id": 3, "n_langs": 1}
_FIRST_GPT = {"n_positions": 8, "n_embd": 8, "n_layer": 1, "n_head": 2}


def test_of_one_without_a_cache_it_is_said_that_it_reads_all_again() -> None:
    spec, remarks = decoder_spec(_random("openai-gpt", **_FIRST_GPT))

    assert (spec.cached, spec.head_dim, spec.takes_positions) == (False, 4, True)
    assert ["openai-gpt: it reads the whole text again" in said for said in remarks] == [True]


@pytest.mark.parametrize(
    ("family", "sizes", "why"),
    [
        ("bert", _BERT, "its tokens attend to those behind them, so that it cannot write"),
        ("xlm", _XLM | {"causal": True}, "generate puts a token behind it, in whose"),
        ("xlnet", {"d_model": 8, "n_layer": 1, "n_head": 2, "d_inner": 8}, "generate puts a token"),
    ],
)
def test_one_that_writes_by_more_than_its_text_is_refused(family, sizes, why) -> None:
    with pytest.raises(ValueError, match=f"a {family} of transformers keeps no keys.* {why}"):
        decoder_spec(_random(family, **sizes))


def _random(family, **sizes):
    return AutoModelForCausalLM.from_config(
        AutoConfig.for_model(family, vocab_size=20, **sizes)
    ).eval()
