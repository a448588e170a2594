"""What a bundle keeps of settings that it was given: no file's place, and none of any form."""

import json
from copy import deepcopy
from pathlib import Path

from transformers import AutoTokenizer

from export.bundle.write import known_of_generate, save_tokenizer
from training.checkpoints.files import read_json, write_json

PLACES = {
    "_name_or_path": "home/JANE/models/client",
    "name_or_path": "home/JANE/models/client",
    "_from": "home/JANE",
    "init_kwargs": {"vocab_file": "/home/JANE/v.txt"},
    "task_specific_params": {"x": {"train_file": "/home/JANE/a.csv"}},
    "dataset": ["/home/JANE/b.csv"],
    "logdir": "file:///home/JANE/",
    "share": r"\\srv\JANE\x",
    "errors": r"C:\JANE\log",
    "cache_config": {"folder": "~/JANE"},
    "note": "of JANE",
}


def test_a_saved_tokenizer_keeps_what_cuts_texts_and_no_more(tokenizer, tmp_path: Path) -> None:
    given, kept = tmp_path / "given", tmp_path / "kept"
    tokenizer = deepcopy(tokenizer)
    tokenizer.add_tokens(["/home"])
    tokenizer.save_pretrained(given)
    file = given / "tokenizer_config.json"
    tokens = {"wall_token": "/home", "additional_special_tokens": ["[SEP]", "/home"]}
    write_json(file, read_json(file) | PLACES | tokens | {"padding_side": "left"})
    kept.mkdir()
    opened = AutoTokenizer.from_pretrained(given)

    save_tokenizer(opened, kept)

    settings = read_json(kept / "tokenizer_config.json")
    assert "JANE" not in json.dumps(settings)
    assert settings["tokenizer_class"] == "BertTokenizer"
    assert (settings["padding_side"], settings["model_max_length"]) == (
        "left",
        opened.model_max_length,
    )
    again, text = AutoTokenizer.from_pretrained(kept), "The film /home is NOT bad [SEP] great"
    assert again(text)["input_ids"] == opened(text)["input_ids"]
    assert again.all_special_tokens == opened.all_special_tokens
    assert again.get_vocab() == opened.get_vocab()


def test_of_generate_it_keeps_what_generate_takes() -> None:
    settings = {"num_beams": 4, "eos_token_id": [2, 3], "bad_words_ids": [[5]], "top_p": 0.5}

    assert known_of_generate(settings | PLACES) == settings
