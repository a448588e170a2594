"""The kinds of values that a bundle's JSON files hold, and their bounds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from bundle_format.typed_json import DIFFERENT, VISIBLE, Rule, long, matching, within

FILE = "bundle.json"
GENERATION = "generation_config.json"
MAX_CHARACTERS = 10_000
"""Of a text that is to be read. Far more than 512 tokens need, and tokenised in milliseconds."""


def _fault_of_path(value: str) -> str | None:
    outside = any(part.strip(". ") == "" for part in value.split("/"))
    strange = not value.isprintable() or not set(value).isdisjoint('\\:*?"<>|')
    return repr(value) if outside or strange or value == FILE else None


_INSIDE = Rule("with the path of a file in the bundle, its parts joined by /", _fault_of_path)
"""A path that stays in the folder that it is relative to, on any system."""

# The bounds are far from any model of today and small enough to be counted to.
Layers = Annotated[int, within(1, 1_000)]
Heads = Annotated[int, within(1, 1_000)]
LayerNumbers = Annotated[tuple[Annotated[int, within(0, 999)], ...], long(1, 1_000), DIFFERENT]
"""From 0."""
Width = Annotated[int, within(1, 1_000_000)]
Vocabulary = Annotated[int, within(1, 10_000_000)]
TokenId = Annotated[int, within(0, 9_999_999)]
Tokens = Annotated[int, within(2, 1_000_000)]
"""A text of one token is at most the mark that begins it: nothing can be asked of that."""
Temperature = Annotated[float, within(1e-4, 1e4)]
"""Fitted ones lie between 0.3 and 5. Within these bounds float32 holds any logits divided by it."""
Share = Annotated[float, within(0, 1)]
Distance = Annotated[float, within(0, 1.001)]
"""A total variation distance: 1 at most, but for the rounding of a sum of floats."""
Difference = Annotated[float, within(0, 1e30)]
Cosine = Annotated[float, within(-1.001, 1.001)]
Ratio = Annotated[float, within(0, 1_000_000)]
"""Of two times or sizes."""
Rate = Annotated[float, within(0, 1_000)]
"""Errors per word: more than 1 where more is written than was wanted."""
Count = Annotated[int, within(0, 10**12)]
Name = Annotated[str, long(1, 100), VISIBLE]
Title = Annotated[str, long(1, 300), VISIBLE]
Label = Annotated[str, long(1, 1_000), VISIBLE]
Labels = Annotated[tuple[Label, ...], long(1, 100_000), DIFFERENT]
"""A reader chooses by name, so two of one name are one too many."""
Prose = Annotated[str, long(0, 20_000)]
Text = Annotated[str, long(1, MAX_CHARACTERS), VISIBLE]
RelativePath = Annotated[str, long(1, 300), _INSIDE]
Sha256 = Annotated[str, matching("[0-9a-f]{64}", "of 64 hexadecimal digits, a sha256")]


@dataclass(frozen=True, kw_only=True)
class Open:
    """An object that may say more than its schema names: that is kept, and written again."""

    more: Mapping[str, Any] = field(default_factory=dict)
