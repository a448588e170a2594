"""Makes tests/demo/prompt_bundle and uncached_bundle: decoders alone, which go on from a prompt.

    python tests/demo/make_prompt_bundle.py

A random GPT-2, and a first GPT, whose family has no cache; exported as any other is, with a chat
template of their own. They are committed, with the texts that `transformers` writes with the same
weights, so that the page's tests run without torch.
"""

import json
import shutil
import tempfile
from pathlib import Path

import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

from bundle_format.folder import list_files
from export.to_onnx import main

HERE = Path(__file__).parent
FAMILIES = {
    "prompt_bundle": {"model_type": "gpt2", "n_embd": 24},
    # With tied tables, random ones of this family write each word again.
    "uncached_bundle": {"model_type": "openai-gpt", "n_embd": 16, "tie_word_embeddings": False},
}
WORDS = "the a film story was is not good bad dull and but it once upon there mill by river user :"
TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}{{ message.role }} : {{ message.content }} {% "
    "endfor %}{% if add_generation_prompt %}{{ eos_token }}{% endif %}"
)
PROMPTS = ("the film was", "once upon a river there was a mill", "not")
WAYS = {
    "greedy": {},
    "beam": {"num_beams": 3, "length_penalty": 1.0, "early_stopping": False},
    "no repeats": {"repetition_penalty": 1.5, "no_repeat_ngram_size": 2},
}


def _tokenizer() -> PreTrainedTokenizerFast:
    marks = ["<pad>", "<s>", "</s>", "<unk>"]
    vocabulary = {word: place for place, word in enumerate([*marks, *WORDS.split()])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", bos_token="<s>", eos_token="</s>",
        unk_token="<unk>", model_max_length=32,
    )  # fmt: skip


def _model(name: str, vocabulary: int) -> PreTrainedModel:
    torch.manual_seed(3)
    sizes = AutoConfig.for_model(
        **FAMILIES[name],
        vocab_size=vocabulary, n_layer=3, n_head=4, n_inner=24, n_positions=32,
        bos_token_id=1, eos_token_id=2, pad_token_id=0, initializer_range=0.6,
    )  # fmt: skip
    model = AutoModelForCausalLM.from_config(sizes).eval()
    if sizes.model_type == "openai-gpt":  # its layers begin small, whatever the config says
        with torch.no_grad():
            for weights in model.transformer.h.parameters():
                weights *= 10 if weights.dim() == 2 else 1
    return model


def _expected(model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast) -> list[dict]:
    written = []
    for prompt in PROMPTS:
        given = tokenizer(prompt, return_tensors="pt")
        for way, how in WAYS.items():
            ids = model.generate(**given, do_sample=False, max_new_tokens=16, **how)
            new = ids[0, given["input_ids"].shape[1] :].tolist()
            written.append({"prompt": prompt, "way": way, "ids": new})
    return written


def make(name: str) -> list[dict]:
    """Writes a folder anew; gives the texts."""
    out, tokenizer = HERE / name, _tokenizer()
    model = _model(name, len(tokenizer))
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        shutil.rmtree(out, ignore_errors=True)
        assert main([folder, "--out", str(out)]) == 0
        again = AutoTokenizer.from_pretrained(folder)
    (out / "chat_template.jinja").write_text(TEMPLATE, encoding="utf-8")
    file = out / "bundle.json"
    content = json.loads(file.read_text("utf-8"))
    content["title"] = "Prompts"
    content["examples"] = [{"text": prompt} for prompt in PROMPTS]
    content["decoder"]["examples"] = content["examples"]
    for name in ("proof", "versions", "checkpoint"):
        content.pop(name, None)
    content["files"] = list_files(out)
    file.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return _expected(model, again)


if __name__ == "__main__":
    texts = {name: make(name) for name in FAMILIES}
    file = HERE / "prompt_texts.json"
    file.write_text(json.dumps(texts, indent=1) + "\n", encoding="utf-8")
