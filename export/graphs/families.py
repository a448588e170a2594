"""What is known of families beforehand: which are in our tests, which need something, which cannot.

Nothing else names a family. One that stands nowhere here is tried, and proven or refused by its
graph.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from training.checkpoints.hf_names import family_of

TESTED = frozenset(
    """
    albert bart bert big_bird biogpt blenderbot bloom camembert cohere data2vec-text deberta
    deberta-v2 distilbert electra encoder-decoder ernie esm eurobert falcon flaubert gemma gemma2
    gemma3_text gpt2 gpt_bigcode gpt_neo gpt_neox gptj granite ibert jina_embeddings_v3 llama luke
    m2m_100 marian mbart megatron-bert mistral mobilebert modernbert mpnet mt5 nomic_bert olmo2
    openai-gpt opt pegasus phi phi3 plbart qwen2 qwen3 rembert roberta roberta-prelayernorm roformer
    smollm3 squeezebert stablelm starcoder2 t5 umt5 xglm xlm xlm-roberta xlm-roberta-xl xlnet
    """.split()
)
"""Random models of these are exported and proven by `zoo.py`, which the slow tests run."""

REFUSED = {
    "canine": "it reads characters, and two of its blocks attend within windows of them",
    "convbert": "half of its heads are convolutions, joined with the others before the projection",
    "gpt_oss": "its softmax has a place for nothing beside the keys, so that no row sums to 1",
    "fnet": "it has a Fourier transform where others have attention",
    "funnel": "it pools its tokens away layer by layer, so most maps are not of the text's tokens",
    "led": "its encoder attends within windows whose maps are of diagonals, not of tokens",
    "longformer": "it attends within windows, and its maps are of diagonals, not of tokens",
    "longt5": "its encoder attends within blocks, and its maps are not of all tokens",
    "nystromformer": "it attends by landmarks: no softmax of it is over tokens",
}
"""Families whose attention has no map from every token to every token, and why."""


def why_refused(written: Mapping[str, Any]) -> str | None:
    """Why no map can be had from the model of a `config.json`; None where nothing is known."""
    family = str(written.get("model_type"))
    # BigBird's config class takes this where nothing is written.
    if family == "big_bird" and written.get("attention_type", "block_sparse") == "block_sparse":
        return (
            "it attends within blocks and to random ones (attention_type block_sparse), and its "
            "maps are not of all tokens; with attention_type original_full it can be exported"
        )
    return REFUSED.get(family)


@dataclass(frozen=True, kw_only=True)
class Deviation:
    """In what a family's model in `transformers` is not as others are."""

    reason: str
    float_mask: bool = False
    """It subtracts the mask from 1.0, which the tracer cannot do with whole numbers."""
    gives_scores: bool = False
    """What it returns as attentions is from before the softmax."""
    alone: bool = True
    """Whether a text gives the same in a padded batch as by itself."""
    pads_left: bool = False
    """Its tokenizers pad on the left."""
    rounds_farthest: bool = False
    """Whether runtimes may round its farthest distance to either of two steps."""


DEVIATIONS = {
    "deberta-v2": Deviation(
        reason="it counts distances in steps by their logarithm, and the farthest of all lies on "
        "the edge of two, where runtimes may round to either side: other runtimes are compared on "
        "texts of one token less than it reads",
        rounds_farthest=True,
    ),
    "mobilebert": Deviation(
        reason="its embeddings look at a token's neighbours, padding among them, so that a text "
        "in a padded batch does not give what it gives by itself",
        alone=False,
    ),
    "squeezebert": Deviation(
        reason="transformers returns its scores, before the softmax, as attentions",
        gives_scores=True,
    ),
    "xlnet": Deviation(
        reason="its mask has to be of floats to be traced; it counts positions from the end, so "
        "that texts are padded on the left",
        float_mask=True,
        pads_left=True,
    ),
}
_NONE = Deviation(reason="")


def deviation_of(model_type: str) -> Deviation:
    """In what a family is not as others are; in nothing, if it stands nowhere here."""
    return DEVIATIONS.get(model_type, _NONE)


def is_ours(config: Mapping[str, Any]) -> bool:
    """Whether the model that a `config.json` describes is one that `training/` implements."""
    if config.get("model_type") == "encoder-decoder":
        encoder, decoder = config.get("encoder"), config.get("decoder")
        if not (isinstance(encoder, Mapping) and isinstance(decoder, Mapping)):
            return True  # there it is told what is wrong with it
        return is_ours(encoder) and decoder.get("model_type") == "gpt2"
    try:
        family_of(config)
    except ValueError:
        return False
    return True
