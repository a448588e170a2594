"""What is seen of a model that writes before it is traced."""

import pytest
from transformers import OpenAIGPTConfig, OpenAIGPTLMHeadModel

from export.loading.generators import decoder_spec


def test_one_without_a_cache_is_refused_in_a_sentence() -> None:
    config = OpenAIGPTConfig(vocab_size=20, n_positions=8, n_embd=8, n_layer=1, n_head=2)

    with pytest.raises(ValueError, match="openai-gpt of transformers keeps no keys and values"):
        decoder_spec(OpenAIGPTLMHeadModel(config).eval())
