"""Whether a tokenizer's chat template can be applied as the page applies it."""

from collections.abc import Mapping

from transformers import PreTrainedTokenizerBase

from decoding.chat_template import ChatTemplate


def leave_out_unusable_template(tokenizer: PreTrainedTokenizerBase) -> list[str]:
    """Takes a chat template away from a tokenizer, in place, if it fails on a message: a sentence
    on why, or none."""
    found = tokenizer.chat_template
    # Of several the page would find the default one alone.
    template = found.get("default") if isinstance(found, Mapping) else found
    if template is None:
        return []
    tokens = tokenizer.special_tokens_map.items()
    names = {name: str(token) for name, token in tokens if name.endswith("_token")}
    try:
        ChatTemplate(template, names)
    except ValueError as error:
        tokenizer.chat_template = None
        tokenizer.init_kwargs.pop("chat_template", None)
        why = " ".join(str(error).split())[:200].rstrip(". ")
        return [
            f"the tokenizer's chat template cannot be applied to a message ({why}): it is left "
            "out, and the model goes on from prompts as they are"
        ]
    return []
