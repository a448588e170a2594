"""Opens a checkpoint: its encoder, with the classifier where there is one, and its decoder.

Three kinds of folder go in here: a classifier, of ours or any of the families in
`training/checkpoints/hf_names.py`; a classifier of ours with a decoder beside it; and any
EncoderDecoderModel of such an encoder and a GPT-2, which has no classifier and only writes.

What a checkpoint leaves unsaid is assumed. What is assumed wrongly gives no error, only other
answers: so each assumption is a sentence, which is printed and stands in `bundle.json`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from bundle_format.schema import Pooling
from export.graphs.encoder import EncoderModel
from export.graphs.spec import DecoderSpec, EncoderSizes
from training.checkpoints.classifier import find_folder, load_classifier, load_tokenizer
from training.checkpoints.files import read_config
from training.checkpoints.hf_config import classifier_to_hf, encoder_to_hf, unread
from training.checkpoints.hf_names import FAMILIES, class_of
from training.checkpoints.hybrid import (
    GENERATION,
    TextTokens,
    load_hybrid,
    read_generation,
    read_text_tokens,
)
from training.model.classifier import BERTClassifier
from training.model.config import ClassifierConfig
from training.model.decoder import BERTGPTModel
from training.model.encoder import BERTEncoder

_MEANINGS = {
    "single_label_classification": "one label of them holds (softmax)",
    "multi_label_classification": "each label holds or not (sigmoid)",
    "regression": "its output is a number as it is",
}
_OF_SEVERAL = {"single_label_classification"}
_MOST = 8


@dataclass(frozen=True, kw_only=True)
class LoadedEncoder:
    """What reads, and answers where it has a classifier."""

    folder: Path
    model: EncoderModel | PreTrainedModel
    """Ours, or of whatever family in `transformers`."""
    tokenizer: PreTrainedTokenizerBase
    config: Mapping[str, Any]
    """The content of its `config.json`, in Hugging Face's terms."""
    sizes: EncoderSizes
    task: str
    """What its graph is for: one of `READING_TASKS`, or `encode`."""
    labels: tuple[str, ...] = ()
    """The classes' names in the order of the logits, of what classifies texts or tokens."""
    problem_type: str | None = None
    """What the logits mean, of what classifies texts."""
    pooling: Pooling | None = None
    """How a vector is made of the hidden states, of what embeds texts."""
    reads_pairs: bool = False
    """Whether it was trained to score two texts together: a cross-encoder."""
    lowered: int | None = None
    """The longest text that it is to read, where that is less than it could."""
    map_layers: tuple[int, ...] | None = None
    """Layers, from 0, whose maps are wanted; None: of all."""

    @property
    def ours(self) -> EncoderModel:
        """The model, where it is one of `training/`."""
        assert isinstance(self.model, BERTClassifier | BERTEncoder), "it is one of transformers'"
        return self.model

    @property
    def classifier(self) -> BERTClassifier | None:
        """The whole model, where it is ours and has a classifier on the encoder."""
        return self.model if isinstance(self.model, BERTClassifier) else None

    @property
    def classifies(self) -> bool:
        """Whether there is a classifier of texts on the encoder."""
        return self.task == "classify"

    @property
    def max_tokens(self) -> int:
        """The longest text that it reads, special tokens included."""
        positions = self.sizes.max_position_embeddings
        # A tokenizer without a limit of its own says 10^30; some files write it as 512.0.
        limit = int(self.tokenizer.model_max_length)
        return min(positions, limit, self.lowered or positions)

    @property
    def pad_id(self) -> int:
        """What fills a batch's shorter texts; where it stands is masked."""
        return self.sizes.pad_token_id or 0


@dataclass(frozen=True, kw_only=True)
class LoadedDecoder:
    """What writes, behind the encoder that it was trained with."""

    folder: Path
    model: BERTGPTModel
    tokenizer: PreTrainedTokenizerBase
    tokens: TextTokens
    """What begins, ends and pads a target."""
    generation: Mapping[str, Any]
    """The content of its `generation_config.json`, in Hugging Face's terms."""
    lowered: int | None = None
    """The longest target that it is to write, where that is less than it could."""

    @property
    def source_pad_id(self) -> int:
        """What fills a batch's shorter sources; where it stands is masked."""
        return self.model.encoder.config.pad_token_id or 0

    @property
    def limit(self) -> int:
        """The longest target, the start token included."""
        positions = self.model.decoder.config.max_position_embeddings
        return min(positions, self.lowered or positions)


@dataclass(frozen=True, kw_only=True)
class LoadedGenerator:
    """What writes, of whatever family in `transformers`: a decoder alone, or behind an encoder."""

    folder: Path
    """In Hugging Face's format; or the GGUF file that it was made of."""
    model: PreTrainedModel
    """The whole model, with the encoder where there is one."""
    tokenizer: PreTrainedTokenizerBase
    """Of what it writes; of what it reads as well."""
    config: Mapping[str, Any]
    """The content of the `config.json` of the whole model, in Hugging Face's terms."""
    sizes: DecoderSpec
    generation: Mapping[str, Any]
    """The content of its `generation_config.json`, in Hugging Face's terms."""
    lowered: int | None = None
    """The longest text that it is to write, where that is less than it could."""
    map_layers: tuple[int, ...] | None = None
    """As in `LoadedEncoder`."""

    @property
    def max_tokens(self) -> int:
        """The longest text, its start token, or its prompt, included."""
        positions = self.sizes.max_position_embeddings
        return min(positions, self.lowered or positions)


@dataclass(frozen=True, kw_only=True)
class LoadedCheckpoint:
    """A checkpoint, opened."""

    encoder: LoadedEncoder | None
    """What reads; None for a decoder alone, which goes on from a prompt."""
    decoder: LoadedDecoder | LoadedGenerator | None
    assumed: tuple[str, ...] = ()
    """What the checkpoint does not say, and what it was taken for, in a sentence each."""

    @property
    def reader(self) -> LoadedEncoder:
        """The encoder, where there is one."""
        assert self.encoder, "it is a decoder alone"
        return self.encoder

    @property
    def generator(self) -> LoadedGenerator | None:
        """What writes, where that is not ours."""
        return self.decoder if isinstance(self.decoder, LoadedGenerator) else None

    @property
    def first(self) -> "LoadedEncoder | LoadedGenerator":
        """What a text is given to: the encoder, or a decoder alone."""
        found = self.encoder or self.generator
        assert found, "a checkpoint reads or goes on"
        return found


def load_checkpoint(name: str, *, decoder_tokenizer: str | None = None) -> LoadedCheckpoint:
    """Opens a folder or a model on the Hub.

    Args:
        decoder_tokenizer: a folder or a name on the Hub, for an EncoderDecoderModel whose folder
            does not hold the decoder's own.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: a setting is not implemented, weights do not fit their config, or a tokenizer
            does not fit its model.
    """
    if (Path(name) / "encoder").is_dir():
        decoder = Path(name) / "decoder"
        loaded = _open_classifier(find_folder(name))
        if not decoder.is_dir():
            return loaded
        _check_reads(decoder, read_config(decoder))
        model = load_hybrid(name)
        tokenizer = load_tokenizer(decoder, words=model.decoder.config.vocab_size)
        assumed = (*loaded.assumed, *assumed_ends(read_generation(decoder)))
        return replace(loaded, decoder=_open_decoder(decoder, model, tokenizer), assumed=assumed)
    folder = find_folder(name)
    config = read_config(folder)
    if config.get("model_type") == "encoder-decoder":
        return _open_encoder_decoder(folder, config, decoder_tokenizer)
    return _open_classifier(folder)


def lower_limits(loaded: LoadedCheckpoint, max_tokens: int) -> LoadedCheckpoint:
    """The same, told to read and to write texts of at most so many tokens.

    Raises:
        ValueError: the encoder does not read so many, or a pair of words would not fit.
    """
    first = loaded.first
    most = first.max_tokens
    least = first.tokenizer.num_special_tokens_to_add(pair=True) + 2
    if most < least:
        raise ValueError(
            f"--max-tokens is {max_tokens}; the model reads {most} tokens at most, and two words "
            f"and its special tokens take {least}: leave --max-tokens out"
        )
    if not least <= max_tokens <= most:
        raise ValueError(
            f"--max-tokens is {max_tokens}; the model reads {most} tokens at most, and {least} "
            f"hold two words and its special tokens: give a number from {least} to {most}"
        )
    decoder = loaded.decoder and replace(loaded.decoder, lowered=max_tokens)
    encoder = loaded.encoder and replace(loaded.encoder, lowered=max_tokens)
    return replace(loaded, encoder=encoder, decoder=decoder)


def _open_classifier(folder: Path) -> LoadedCheckpoint:
    model = load_classifier(folder)
    config = model.config
    tokenizer = load_tokenizer(folder, words=config.encoder.vocab_size)
    written = classifier_to_hf(config)
    part = LoadedEncoder(
        folder=folder,
        model=model,
        tokenizer=tokenizer,
        config=written,
        sizes=config.encoder,
        task="classify",
        labels=config.labels,
        problem_type=config.problem_type,
        reads_pairs=scores_pairs(noted := read_config(folder)),
    )
    assumed = assumed_of_classifier(noted, config) + settle_sides(tokenizer, "right")
    return LoadedCheckpoint(encoder=part, decoder=None, assumed=tuple(assumed))


def settle_sides(tokenizer: PreTrainedTokenizerBase, padding: str) -> list[str]:
    """Has a tokenizer say what the graph was proven with and the page does, whatever it said.

    A batch is padded on the side `padding`: on the other, absolute positions would be others. A
    long text is cut at its end; a remark if the tokenizer would have cut its beginning.
    """
    remark = "the tokenizer cuts a long text at its beginning: here it is cut at its end"
    found = [remark] if tokenizer.truncation_side == "left" else []
    tokenizer.padding_side, tokenizer.truncation_side = padding, "right"
    tokenizer.init_kwargs |= {"padding_side": padding, "truncation_side": "right"}
    return found


def _open_encoder_decoder(
    folder: Path, config: Mapping[str, Any], decoder_tokenizer: str | None
) -> LoadedCheckpoint:
    if isinstance(half := config.get("decoder"), Mapping) and half.get("model_type") == "gpt2":
        _check_reads(folder, half)
    model = load_hybrid(folder)
    own = decoder_tokenizer or (folder / "decoder" if (folder / "decoder").is_dir() else None)
    sizes = model.encoder.config.vocab_size, model.decoder.config.vocab_size
    if own is None and sizes[0] != sizes[1]:
        raise ValueError(
            f"{folder} has one tokenizer, and its encoder {sizes[0]} words, its decoder "
            f"{sizes[1]}: they do not share it. Give the decoder's own with --decoder-tokenizer, "
            f"or put it into {folder / 'decoder'}"
        )
    tokenizer = load_tokenizer(folder, words=sizes[0])
    size = model.encoder.config
    # Never the config as it came, which may hold anything of whoever made it.
    written = {"model_type": size.model_type, **encoder_to_hf(size)}
    encoder = LoadedEncoder(
        folder=folder,
        model=model.encoder,
        tokenizer=tokenizer,
        config=written,
        sizes=size,
        task="encode",
    )
    own_tokenizer = load_tokenizer(own, words=sizes[1]) if own else tokenizer
    assumed = [*settle_sides(tokenizer, "right"), *assumed_ends(read_generation(folder))]
    if own is None:
        assumed.insert(
            0,
            "the decoder has no tokenizer of its own in the folder: taken for the encoder's, since "
            f"both have {sizes[1]} words; if it writes noise, give its own with "
            "--decoder-tokenizer",
        )
    decoder = _open_decoder(folder, model, own_tokenizer)
    return LoadedCheckpoint(encoder=encoder, decoder=decoder, assumed=tuple(assumed))


def _open_decoder(
    folder: Path, model: BERTGPTModel, tokenizer: PreTrainedTokenizerBase
) -> LoadedDecoder:
    tokens = read_text_tokens(folder)
    words = model.decoder.config.vocab_size
    for name, index in (("start", tokens.start), ("end", tokens.end), ("padding", tokens.pad)):
        if not 0 <= index < words:
            raise ValueError(
                f"{folder} names {index} as its {name} token; its decoder has 0 to {words - 1}. "
                f"Correct {GENERATION}"
            )
    return LoadedDecoder(
        folder=folder,
        model=model,
        tokenizer=tokenizer,
        tokens=tokens,
        generation={
            "bos_token_id": tokens.start,
            **read_generation(folder),
            "decoder_start_token_id": tokens.start,
            "eos_token_id": tokens.end,
            "pad_token_id": tokens.pad,
        },
    )


def _check_reads(folder: Path, config: Mapping[str, Any]) -> None:
    if not config.get("add_cross_attention"):
        raise ValueError(
            f"the decoder in {folder} does not read a source: add_cross_attention is "
            f"{config.get('add_cross_attention')} in its config. Expected a decoder with "
            "cross-attention; train one with: python training/train_hybrid.py"
        )


def scores_pairs(written: Mapping[str, Any]) -> bool:
    """Whether `sentence-transformers` notes in a `config.json` that it trained a cross-encoder."""
    notes = {"sentence_transformers", "sbert_ce_default_activation_function"}
    return not notes.isdisjoint(written)


def assumed_of_classifier(written: Mapping[str, Any], read: ClassifierConfig) -> list[str]:
    """What `config.json` does not say of a classifier, beside what it was taken for."""
    found = []
    named = FAMILIES[read.encoder.model_type].architecture
    if class_of(written) is None:
        found.append(
            f"config.json names no class: taken for a {named}, since the weights have what "
            "it has on its encoder"
        )
    found += assumed_of_labels(written, read.labels, read.problem_type)
    if names := unread(written):
        found.append(
            f"config.json has settings that a {named} does not read: "
            f"{_list([repr(name) for name in names])}"
        )
    return found


def assumed_of_labels(
    written: Mapping[str, Any], labels: tuple[str, ...], problem_type: str | None
) -> list[str]:
    """What `config.json` does not say of the labels, and what they mean, beside what it is.

    Args:
        problem_type: what was taken for it; None where labels are of tokens, one for each.
    """
    found = []
    if not written.get("id2label") and not set(labels) <= set(written.get("label2id") or ()):
        found.append(f"config.json names no labels: they are {_list(labels)}")
    if problem_type and not written.get("problem_type"):
        count = len(labels)
        others = {*_MEANINGS} - {problem_type, *(_OF_SEVERAL if count == 1 else ())}
        found.append(
            f"config.json has no problem_type: with {count} label{'s' if count > 1 else ''} "
            f"{_MEANINGS[problem_type]}; if not, write {' or '.join(sorted(others))} there"
        )
    return found


def assumed_ends(generation: Mapping[str, Any]) -> list[str]:
    """That a text ends at one token where several are named."""
    ends = generation.get("eos_token_id")
    if not isinstance(ends, list) or len(ends) < 2:
        return []
    return [
        f"several tokens may end a text: here the first does, {ends[0]}, and not "
        f"{_list([str(end) for end in ends[1:]])}"
    ]


def _list(names: tuple[str, ...] | list[str]) -> str:
    more = f" and {len(names) - _MOST} more" if len(names) > _MOST else ""
    return ", ".join(name[:60] for name in names[:_MOST]) + more
