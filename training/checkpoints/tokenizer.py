"""Opens the tokenizer that lies beside a model, whatever files it is in.

Everything behind it (the exporter, the page, other clients) needs the one file `tokenizer.json`.
Where only a vocabulary was saved, `transformers` makes one of it; where the files are missing it
would make a tokenizer that knows no words, without a word.
"""

from pathlib import Path

from transformers import AutoTokenizer, PreTrainedTokenizerBase

from training.checkpoints.files import listing

WHOLE = "tokenizer.json"
_VOCABULARIES = ("vocab.txt", "vocab.json", "*.model")
_BESIDE = ("merges.txt", "added_tokens.json", "special_tokens_map.json", "tokenizer_config.json")
# The largest vocabularies of today take 140 bytes a word; templates of chats some kilobytes.
_BYTES_A_WORD, _ALWAYS_BYTES = 1_000, 4_000_000
_TRUNCATION = ("max_length", "stride", "truncation_strategy", "pad_to_multiple_of")
_PLACE = ("is_local", "local_files_only")
_ADVICE = (
    "Save it where the model was made, as tokenizer.json: "
    "AutoTokenizer.from_pretrained(name).save_pretrained(folder)"
)


def open_tokenizer(folder: Path, *, words: int | None = None) -> PreTrainedTokenizerBase:
    """The tokenizer in a folder, with what `tokenizer.json` holds behind it.

    Args:
        words: how many token ids its model knows; None: it is not held against a model.

    Raises:
        FileNotFoundError: the folder has none, or not all of its files.
        ValueError: transformers cannot make a `tokenizer.json` of what there is, or it is of
            another model.
    """
    found = listing(folder)
    if words is not None:
        _check_bytes(folder, words)
    if not any(any(folder.glob(name)) for name in (WHOLE, *_VOCABULARIES)):
        raise FileNotFoundError(
            f"{folder} has no {WHOLE} and no {', '.join(_VOCABULARIES)} (found: {found}). "
            "Save the tokenizer beside the model: tokenizer.save_pretrained(folder)"
        )
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except Exception as error:  # transformers and tokenizers raise what comes: KeyError, Exception
        model = any(folder.glob("*.model"))
        needs = ". A *.model needs: pip install sentencepiece" if model else ""
        first = str(error).strip().splitlines()[:1]
        said = ": ".join([type(error).__name__, *(line[:200] for line in first)])
        raise ValueError(
            f"transformers cannot open the tokenizer in {folder} (found: {found}): "
            f"{said}{needs}. {_ADVICE}"
        ) from error
    _check_tokenizer(tokenizer, folder, words, found)
    return tokenizer


def _check_tokenizer(
    tokenizer: PreTrainedTokenizerBase, folder: Path, words: int | None, found: str
) -> None:
    """Refuses what transformers opened and is not all of a tokenizer, or is another model's."""
    parts = [file for file in type(tokenizer).vocab_files_names.values() if file != WHOLE]
    missing = [file for file in parts if not (folder / file).is_file()]
    if missing and not (folder / WHOLE).is_file():
        raise FileNotFoundError(
            f"{folder} has no {WHOLE}, and no {' and no '.join(missing)}, of which a "
            f"{type(tokenizer).__name__} could be made (found: {found}). {_ADVICE}"
        )
    if not tokenizer.is_fast:
        raise ValueError(
            f"the tokenizer in {folder} is a {type(tokenizer).__name__}, which has no {WHOLE}: the "
            "page could not cut texts as the model was taught. Use a checkpoint that has one"
        )
    if not isinstance(tokenizer.model_max_length, int | float) or tokenizer.model_max_length < 2:
        raise ValueError(
            f"{folder}/tokenizer_config.json says model_max_length "
            f"{str(tokenizer.model_max_length)[:40]!r}; expected how many tokens a text may have"
        )
    highest = max(tokenizer.get_vocab().values(), default=0)
    if words is not None and highest >= words:
        raise ValueError(
            f"the tokenizer in {folder} has tokens up to the id {highest}, its model knows those "
            f"below {words}; give the tokenizer that the model was trained with"
        )


def without_limits(tokenizer: PreTrainedTokenizerBase) -> PreTrainedTokenizerBase:
    """Switches off the truncation and padding that a `tokenizer.json` may carry; returns it.

    all-MiniLM-L6-v2's cuts and pads every text to 128 tokens. Saved with our model it would do so
    on other people's pages, unseen.
    """
    tokenizer.backend_tokenizer.no_truncation()
    tokenizer.backend_tokenizer.no_padding()
    for setting in (*_TRUNCATION, *_PLACE):
        tokenizer.init_kwargs.pop(setting, None)
    return tokenizer


def _check_bytes(folder: Path, words: int) -> None:
    """Refuses files that are far too large for the words: to parse them takes minutes."""
    most = _ALWAYS_BYTES + words * _BYTES_A_WORD
    for path in (path for name in (WHOLE, *_VOCABULARIES, *_BESIDE) for path in folder.glob(name)):
        if (size := path.stat().st_size) > most:
            raise ValueError(
                f"{path} has {size / 1e6:.0f} MB, its model {words} words; expected the tokenizer "
                f"that the model was trained with, {most / 1e6:.0f} MB at most"
            )
