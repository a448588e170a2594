"""What a model is for, by its class's name in `transformers`: `BertForSequenceClassification`.

A `config.json` names the class under `architectures`; the first checkpoints (before 2020) do not.
"""

from collections.abc import Iterable, Mapping
from typing import Any

CLASSIFIER = "a classifier of whole texts"
_ENCODER = "a plain encoder, without a trained classifier on it"
_TOKENS = "a token classifier"
_ANSWERS = "a question answering model, which marks an answer in a text"
_MASKED = "a masked language model"
_NEXT_SENTENCE = "a model that tells whether a sentence follows another"
_PRE_TRAINED = "a model as its pre-training left it"
_CAUSAL = "a causal language model"

# How a class's name ends -> what it is for. The longest ending counts.
_BY_ENDING = {
    "ForSequenceClassification": CLASSIFIER,
    "ForTokenClassification": _TOKENS,
    "ForQuestionAnswering": _ANSWERS,
    "ForQuestionAnsweringSimple": _ANSWERS,
    "ForMultipleChoice": "a multiple-choice model",
    "ForMaskedLM": _MASKED,
    "ForNextSentencePrediction": _NEXT_SENTENCE,
    "ForPreTraining": _PRE_TRAINED,
    "ForCausalLM": _CAUSAL,
    "LMHeadModel": _CAUSAL,
    "DoubleHeadsModel": _CAUSAL,
    "ForConditionalGeneration": "a sequence-to-sequence model",
    "EncoderDecoderModel": "a sequence-to-sequence model",
    "ForImageClassification": "an image classifier",
    "ForSpeechSeq2Seq": "a speech model",
    "Model": _ENCODER,
}
# How the weights begin that guess a masked word.
_MASKED_HEADS = ("cls.predictions.", "lm_head.", "vocab_", "generator_")
# Classes that read a family's weights in another framework or runtime, or whatever family it is.
_FRAMEWORKS = ("", "TF", "Flax")
_OF_ANY_FAMILY = ("AutoModel", "TFAutoModel", "FlaxAutoModel", "ORTModel", "OVModel")
OURS = "BERTClassifier"
"""The class that our own config names where there is no pooler, see `ClassifierConfig.to_hf`."""


def class_of(config: Mapping[str, Any]) -> str | None:
    """The class that a `config.json` names, or None.

    Raises:
        ValueError: it names several, or none in a way that can be read.
    """
    found = config.get("architectures")
    if found is None or found == []:
        return None
    names = set(found) if isinstance(found, list) and all(isinstance(n, str) for n in found) else ()
    if len(names) != 1:
        raise ValueError(
            f"architectures is {str(found)[:200]} in config.json; expected the name of one class, "
            'e.g. ["BertForSequenceClassification"]. Write the one that the weights were saved with'
        )
    return str(found[0])


def task_of(name: str) -> str | None:
    """What the models of a class are for; None if the class is not one of transformers' kinds."""
    endings = [ending for ending in _BY_ENDING if name.endswith(ending)]
    return _BY_ENDING[max(endings, key=len)] if endings else None


def is_known(config: Mapping[str, Any], prefixes: Iterable[str]) -> bool:
    """Whether a config names a class of transformers: one of these prefixes and a known ending."""
    name = class_of(config) or ""
    starts = [f"{framework}{prefix}" for prefix in prefixes for framework in _FRAMEWORKS]
    starts += _OF_ANY_FAMILY
    return any(name == f"{start}{ending}" for start in starts for ending in _BY_ENDING)


def task_by_weights(names: Iterable[str], classifier: Iterable[str]) -> str:
    """What a model is for by its weights' names on disk; a classifier where that can be.

    Args:
        classifier: the modules that a classifier of whole texts has on its encoder.
    """
    found = list(names)

    def has(*starts: str) -> bool:
        return any(name.startswith(starts) for name in found)

    if all(has(f"{module}.") for module in classifier):
        return CLASSIFIER
    if has("qa_outputs."):
        return _ANSWERS
    if has("classifier."):
        return _TOKENS
    if has("cls.seq_relationship.", "discriminator_predictions."):
        return _NEXT_SENTENCE if not has("cls.predictions.", "discrim") else _PRE_TRAINED
    return _MASKED if has(*_MASKED_HEADS) else _ENCODER
