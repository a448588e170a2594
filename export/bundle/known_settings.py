"""What a bundle keeps of a tokenizer's and of `generate`'s settings: those that a reader knows.

Their files may hold anything that somebody once passed along: where files lay on their machine,
names of their data, notes. What has no known name is left out, whatever its value looks like.
"""

import inspect
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from transformers import GenerationConfig, PreTrainedTokenizerBase

from training.checkpoints.atomic_folder import by_a_library
from training.checkpoints.files import read_json, write_json

_TOKENIZER = "tokenizer_config.json"
# What transformers' base class and transformers.js read of any tokenizer; what its own class takes
# beside them, its signature says.
_OF_ANY_TOKENIZER = {
    *("tokenizer_class", "backend", "model_max_length", "padding_side", "truncation_side"),
    *("model_input_names", "clean_up_tokenization_spaces", "split_special_tokens"),
    *("do_lower_case", "do_lowercase_and_remove_accent", "strip_accents", "keep_accents"),
    *("tokenize_chinese_chars", "remove_space", "trim_offsets", "errors", "chat_template"),
    *("add_prefix_space", "add_bos_token", "add_eos_token", "legacy", "unicode_normalizer"),
    *("additional_special_tokens", "extra_special_tokens", "model_specific_special_tokens"),
}
_TOKENS = {"additional_special_tokens", "extra_special_tokens", "model_specific_special_tokens"}
_PATH = re.compile(r"(file:|[/~\\]|\.\.?[/\\]|[A-Za-z]:[/\\]).+", re.IGNORECASE | re.DOTALL)


def save_tokenizer(tokenizer: PreTrainedTokenizerBase, folder: Path) -> None:
    """Writes a tokenizer into a folder, with the settings alone that decide how it cuts texts."""
    with by_a_library():
        tokenizer.save_pretrained(folder)
    if (folder / _TOKENIZER).is_file():
        settings = read_json(folder / _TOKENIZER)
        write_json(folder / _TOKENIZER, known_of_tokenizer(settings, tokenizer))


def known_of_tokenizer(
    settings: Mapping[str, Any], tokenizer: PreTrainedTokenizerBase
) -> dict[str, Any]:
    """The settings of a `tokenizer_config.json` that are read again, without any file's place."""
    words, known = tokenizer.get_vocab(), _OF_ANY_TOKENIZER | _taken_by(type(tokenizer))
    kept = {}
    for name, value in settings.items():
        if name == "added_tokens_decoder" or name in _TOKENS or name.endswith("_token"):
            # A token may look like a path; what the vocabulary has is public with it.
            if _tokens(value) <= words.keys():
                kept[name] = value
        elif name in known and not _names_a_path(value):
            kept[name] = value
    return kept


def known_of_generate(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a `generation_config.json` that `generate` takes."""
    known = {name for name in vars(GenerationConfig()) if not name.startswith("_")}
    return {
        name: value
        for name, value in settings.items()
        if name in known and not _names_a_path(value)
    }


def _taken_by(kind: type) -> set[str]:
    """What a tokenizer's class takes by name, its files aside."""
    files = getattr(kind, "vocab_files_names", {})
    taken = inspect.signature(kind.__init__).parameters  # type: ignore[misc]
    return {
        name
        for name, one in taken.items()
        if one.kind is one.POSITIONAL_OR_KEYWORD or one.kind is one.KEYWORD_ONLY
    } - {"self", "vocab", "merges", "name_or_path", "special_tokens_map_file", *files}


def _tokens(value: object) -> set[str]:
    """The tokens that a setting names: one, several, or objects with a token and its flags."""
    if isinstance(value, str):
        return {value}
    if isinstance(value, Mapping):
        inside = [value["content"]] if "content" in value else value.values()
        return {token for one in inside for token in _tokens(one)}
    return {token for one in value for token in _tokens(one)} if isinstance(value, list) else set()


def _names_a_path(value: object) -> bool:
    """Whether a value is a file's place on some machine, or holds one."""
    if isinstance(value, Mapping):
        return any(map(_names_a_path, (*value, *value.values())))
    if isinstance(value, list | tuple):
        return any(map(_names_a_path, value))
    return isinstance(value, str) and _PATH.fullmatch(value) is not None
