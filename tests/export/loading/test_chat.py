"""A chat template that the page could not apply does not come into a bundle."""

from pathlib import Path

import pytest
from tokenizers import Tokenizer, models
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from export.bundle.write import save_tokenizer
from export.loading.chat import leave_out_unusable_template

SOUND = "{{ bos_token }}{{ messages[0].content }}{{ eos_token }}"


def tokenizer(template: object, folder: Path) -> PreTrainedTokenizerFast:
    """As one is that lies in a folder."""
    words = Tokenizer(models.WordLevel({"<s>": 0, "</s>": 1, "<unk>": 2}, unk_token="<unk>"))
    made = PreTrainedTokenizerFast(
        tokenizer_object=words, bos_token="<s>", eos_token="</s>", unk_token="<unk>"
    )
    made.chat_template = template
    made.save_pretrained(folder)
    return AutoTokenizer.from_pretrained(folder)


@pytest.mark.parametrize(
    ("template", "why"),
    [
        ("{{ messages[0].content", "unexpected end of template"),
        ("{{ raise_exception('a system\nmessage first') }}", "a system message first"),
        ("", "it is empty"),
        ({"default": "{{ tools }}", "tools": SOUND}, "it leaves out what it is given"),
    ],
)
def test_one_that_fails_is_left_out_and_told(tmp_path: Path, template, why: str) -> None:
    opened = tokenizer(template, tmp_path / "given")

    (told,) = leave_out_unusable_template(opened)

    assert f"cannot be applied to a message ({why}" in told
    (tmp_path / "bundle").mkdir()
    save_tokenizer(opened, tmp_path / "bundle")
    assert not (tmp_path / "bundle" / "chat_template.jinja").exists()
    assert "template" not in (tmp_path / "bundle" / "tokenizer_config.json").read_text()


@pytest.mark.parametrize("template", [SOUND, {"default": SOUND, "tools": "{{"}])
def test_one_that_is_sound_goes_along(tmp_path: Path, template) -> None:
    opened = tokenizer(template, tmp_path / "given")

    assert leave_out_unusable_template(opened) == []
    (tmp_path / "bundle").mkdir()
    save_tokenizer(opened, tmp_path / "bundle")

    assert (tmp_path / "bundle" / "chat_template.jinja").read_text() == SOUND
