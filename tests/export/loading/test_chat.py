"""A chat template that the page could not apply does not come into a bundle."""

from pathlib import Path

import pytest
from tokenizers import Tokenizer, models
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from decoding.chat_template import Chat, ChatTemplate
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
        (SOUND + "{{ '\\ud800' }}", "it makes half of a character"),
        ("{% if 0 %}\ud800{% endif %}" + SOUND, "it holds half of a character"),
    ],
)
def test_one_that_fails_is_left_out_and_told(tmp_path: Path, template, why: str) -> None:
    opened = tokenizer(SOUND, tmp_path / "given")
    opened.chat_template = template  # one with half of a character cannot be saved

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


@pytest.mark.parametrize(
    "template",
    [
        "{% for one in messages %}{{ '<s>' }}{%- generation %}{% set said = one.content %}"
        "{{ said }}{{ loop.index }}{% endgeneration %}\n{{ said }}|{% endfor %}",
        "{{ messages[0] | tojson }}"
        "{{ {'<é>': [1, 2]} | tojson(indent=2, separators=('; ', ' = ')) }}",
        "{{ documents is defined }}{{ tools is none }}{{ documents }}{{ add_generation_prompt }}"
        "{% for n in [1, 2] %}{{ n }}{% break %}{% endfor %}{{ messages[0].content }}",
    ],
)
def test_it_is_rendered_as_transformers_renders_it(tmp_path: Path, template: str) -> None:
    said = [{"role": "user", "content": "more <b> & é"}]
    opened = tokenizer(template, tmp_path)
    names = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}

    found = ChatTemplate(template, names).around(said[0]["content"])

    theirs = opened.apply_chat_template(said, tokenize=False, add_generation_prompt=True)
    assert found.text == theirs
    assert found.text[slice(*found.own)] == said[0]["content"]


@pytest.mark.parametrize("said", ["start", "a", "assistant", "<|im_start|>", "s", " user\n", "x"])
def test_a_short_text_is_found_where_it_stands_and_not_in_the_template(said: str) -> None:
    template = (
        "<|im_start|>user\n{{ messages[0].content | trim }}<|im_end|>\n<|im_start|>assistant\n"
    )

    found = ChatTemplate(template, {}).around(said)

    start = len("<|im_start|>user\n")
    assert found.own == (start, start + len(said.strip()))


def test_in_a_template_that_says_it_twice_the_last_is_the_readers() -> None:
    found = ChatTemplate("{{ messages[0].content }}, {{ messages[0].content }}!", {}).around("a")

    assert found == Chat("a, a!", (3, 4))
