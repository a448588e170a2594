"""A decoder alone and one behind an encoder, tiny and random, as folders and as bundles."""

from pathlib import Path

import pytest

from export.generators.random_models import random_generator

RULES = {
    "bart": {
        "forced_bos_token_id": 5,
        "forced_eos_token_id": 2,
        "min_length": 6,
        "max_length": 14,
        "no_repeat_ngram_size": 2,
        "suppress_tokens": [9, 10],
        "num_beams": 3,
    },
    "llama": {
        "eos_token_id": [2, 11],
        "begin_suppress_tokens": [7, 8],
        "bad_words_ids": [[12], [13, 14]],
        "repetition_penalty": 1.3,
        "min_new_tokens": 3,
        "guidance_scale": 1.5,
    },
    "openai-gpt": {"eos_token_id": [2, 11], "repetition_penalty": 1.3, "num_beams": 3},
}
"""Family -> what its settings of `generate` ask for."""
_SMALLER = ["--quantize", "--allow-miss", "--layers", "0,2"]
FLAGS = {"bart": [], "llama": _SMALLER, "openai-gpt": _SMALLER}
"""Of the export."""
LANGUAGES = {"en_XX": 4, "de_DE": 5, "ro_RO": 6}
TASKS = {
    "summarization": {"prefix": "the first thing ", "num_beams": 4},
    "translation": {"prefix": "the capital of "},
    "none": {"prefix": " "},
}


@pytest.fixture(scope="session")
def save_generator(word_level_file, tmp_path_factory):
    """Writes a random model with a tokenizer; `save_generator(family, **settings)`."""
    from tokenizers.processors import TemplateProcessing
    from transformers import PreTrainedTokenizerFast

    def save(family: str, **settings) -> Path:
        folder = tmp_path_factory.mktemp(family.replace(" ", "_")) / "theirs"
        model = random_generator(family, **settings)
        tokenizer = PreTrainedTokenizerFast(
            tokenizer_file=str(word_level_file), pad_token="[PAD]", unk_token="[UNK]"
        )
        if family == "bart":  # it translates, as mBART and NLLB do, and has tasks, as T5
            model.config.task_specific_params = TASKS
            tokenizer.add_special_tokens({"additional_special_tokens": [*LANGUAGES]})
            tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
                single="de_DE $A </s>", special_tokens=[("de_DE", LANGUAGES["de_DE"]), ("</s>", 2)]
            )
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        return folder

    return save


@pytest.fixture(scope="session")
def word_level_file(tmp_path_factory):
    """A `tokenizer.json` of 67 words, as many as the random models have."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    marks = ["[PAD]", "<s>", "</s>", "[UNK]"]
    marks += LANGUAGES
    words = "the first thing that she saw in morning was capital of France is".split()
    others = [f"w{number}" for number in range(67 - len(marks) - len(words))]
    vocabulary = {word: number for number, word in enumerate([*marks, *words, *others])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    file = tmp_path_factory.mktemp("word_level") / "tokenizer.json"
    tokenizer.save(str(file))
    return file


@pytest.fixture(scope="session")
def exported(save_generator, tmp_path_factory):
    """The folder of a model and the bundle of it, made once; `exported(family)`."""
    from export.to_onnx import main

    made: dict[str, tuple[Path, Path]] = {}

    def export(family: str) -> tuple[Path, Path]:
        if family not in made:
            folder = save_generator(family, **RULES[family])
            out = tmp_path_factory.mktemp("bundles") / family
            assert main([str(folder), "--out", str(out), *FLAGS[family]]) == 0
            made[family] = folder, out
        return made[family]

    return export


@pytest.fixture(scope="session")
def steps_of():
    """The steps of a bundle's graphs from a source or behind a prompt; `steps_of(bundle, ids)`."""
    import numpy as np

    from export.runtime.session import open_session, run
    from export.runtime.strategies import graph_next_logits, lone_next_logits

    def open_steps(bundle: Path, ids):
        if not (bundle / "onnx" / "encoder_model.onnx").is_file():
            return lone_next_logits(open_session(bundle / "onnx" / "model.onnx"))
        source = np.array([ids], np.int64)
        reader = open_session(bundle / "onnx" / "encoder_model.onnx")
        feed = {"input_ids": source, "attention_mask": np.ones_like(source)}
        hidden = run(reader, feed)["last_hidden_state"]
        session = open_session(bundle / "onnx" / "decoder_model_merged.onnx")
        return graph_next_logits(session, hidden, feed["attention_mask"])

    return open_steps
