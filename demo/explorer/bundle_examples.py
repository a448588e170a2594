"""The texts that a bundle offers to a reader."""

from dataclasses import dataclass

from explorer.bundle_fields import AGAIN, BundleError, Fields


@dataclass(frozen=True, kw_only=True, slots=True)
class Example:
    """A text, or a pair of texts."""

    text: str
    text_pair: str = ""


def read_examples(fields: Fields) -> tuple[Example, ...]:
    """The `examples` of an object of `bundle.json`. Raises BundleError: one is no example."""
    examples = fields.get("examples", list)
    for number, example in enumerate(examples):
        known = isinstance(example, dict) and set(example) <= {"text", "text_pair"}
        strings = known and all(isinstance(text, str) for text in example.values())
        if not strings or not example.get("text", "").strip():
            raise BundleError(
                f"{fields.file} has {example!r:.60} as {fields.prefix}examples[{number}]; expected "
                f"an object with a text and, if wanted, a text_pair. {AGAIN}"
            )
    return tuple(Example(**example) for example in examples)
