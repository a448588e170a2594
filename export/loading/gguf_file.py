"""A GGUF file, llama.cpp's format, as a folder in Hugging Face's, by `transformers`' own reader.

Its blocks become float32 numbers, exactly those that they stand for. What comes behind is exported
as any other folder, and knows of no GGUF.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

from transformers import AutoConfig, AutoTokenizer, GgufConfig

from export.graphs.tracing import silenced
from export.loading.checkpoint import LoadedCheckpoint
from export.loading.weights import check_whole, open_model, reason_of, without_bars
from training.checkpoints.atomic_folder import by_a_library
from training.file_names import real_name

_ENDING = ".gguf"


@dataclass(frozen=True, kw_only=True)
class Source:
    """What a checkpoint is read from."""

    folder: str
    """In Hugging Face's format, or a name on the Hub."""
    file: Path | None = None
    """The GGUF file that the folder was made of."""
    remarks: tuple[str, ...] = ()
    """What is to be known of that, in a sentence each."""

    def named(self, loaded: LoadedCheckpoint) -> LoadedCheckpoint:
        """The checkpoint that was opened, which says that it is the file's."""
        decoder, file = loaded.generator, self.file
        if decoder is None or file is None:
            return loaded
        encoder = loaded.encoder and replace(loaded.encoder, folder=file)
        assumed = (*self.remarks, *loaded.assumed)
        return replace(
            loaded, encoder=encoder, decoder=replace(decoder, folder=file), assumed=assumed
        )


def public_stem(given: str) -> str:
    """A checkpoint's own name: of a GGUF file without its ending. Raises as `real_name`."""
    return real_name(given).removesuffix(_ENDING)


@contextmanager
def opened_source(given: str) -> Iterator[Source]:
    """The folder that a model is read from; of a GGUF file one that is there in the block alone.

    Args:
        given: such a file, a folder with one and no other weights, or whatever is no GGUF.

    Raises:
        ImportError: the package gguf is not installed.
        ValueError: there are several files, or `transformers` cannot read the one.
    """
    file = _find(Path(given))
    if file is None:
        yield Source(folder=given)
        return
    if find_spec("gguf") is None:
        raise ImportError(
            f"{file.name} is a GGUF file, which takes the package gguf to read; install it: "
            "pip install -r export/requirements-formats.txt"
        )
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / public_stem(str(file))
        remarks = _convert(file, folder)
        yield Source(folder=str(folder), file=file, remarks=tuple(remarks))


def _find(path: Path) -> Path | None:
    if path.is_file() and path.suffix == _ENDING:
        return path
    if not path.is_dir() or any(path.glob("*.safetensors")):
        return None
    found = sorted(path.glob(f"*{_ENDING}"))
    if len(found) > 1:
        names = ", ".join(file.name for file in found[:5])
        raise ValueError(
            f"{path} has {len(found)} GGUF files ({names}); expected one: give the file itself"
        )
    return found[0] if found else None


def _convert(file: Path, folder: Path) -> list[str]:
    """Writes model and tokenizer of a file into a new folder, and gives what to know of it."""
    place, named = file.parent, {"gguf_file": file.name, "local_files_only": True}
    try:
        with silenced():
            config = AutoConfig.from_pretrained(place, **named)
            tokenizer = AutoTokenizer.from_pretrained(place, **named)
    except Exception as error:  # of the reader, of gguf, of tokenizers
        raise ValueError(
            f"transformers cannot read {file}: {reason_of(error)}. Give the model that it was "
            "made of, in Hugging Face's format"
        ) from error
    auto = "AutoModelForSeq2SeqLM" if config.is_encoder_decoder else "AutoModelForCausalLM"
    model, found = open_model(
        place, config, auto, gguf_file=file.name, quantization_config=GgufConfig(dequantize=True)
    )
    remarks = check_whole(file, model, found)
    with silenced(), without_bars(), by_a_library():
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    return [
        f"the weights are the numbers that a GGUF file stands for ({_kinds(file)}), and its "
        "tokenizer is as transformers makes it of that file",
        *remarks,
    ]


def _kinds(file: Path) -> str:
    """How a file's numbers are stored: Q4_1, F32, ..."""
    from gguf import GGUFReader

    return ", ".join(sorted({one.tensor_type.name for one in GGUFReader(file).tensors}))
