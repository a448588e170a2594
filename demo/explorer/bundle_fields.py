"""Reads the fields of a bundle's `bundle.json` one by one, each with the type it must have."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

AGAIN = "Export it again: python export/to_onnx.py"


class BundleError(ValueError):
    """A bundle that cannot be opened: what was found, what was expected, what to do."""


class Fields:
    """The values of a JSON object, each asked for by name and type."""

    def __init__(self, content: Mapping[str, Any], file: Path, prefix: str = "") -> None:
        self._content = content
        self.prefix = prefix
        self.file = file

    def get(self, name: str, kind: type) -> Any:
        value = self._content.get(name)
        accepted = (int, float) if kind is float else kind
        if not isinstance(value, accepted) or isinstance(value, bool):
            found = "nothing" if value is None else f"{value!r:.60}"
            raise BundleError(
                f"{self.file} has {found} as {self.prefix}{name}; "
                f"expected a JSON {_JSON_NAMES[kind]}. {AGAIN}"
            )
        return value

    def __contains__(self, name: str) -> bool:
        return self._content.get(name) is not None

    def mapping(self, name: str) -> Mapping[str, Any]:
        """An object that need not be there."""
        value = self._content.get(name)
        return value if isinstance(value, dict) else {}

    def positive(self, name: str, kind: type) -> Any:
        value = self.get(name, kind)
        if not 0 < value < float("inf"):
            raise BundleError(
                f"{self.file} has {value} as {self.prefix}{name}; expected more than 0. {AGAIN}"
            )
        return value

    def one_of(self, name: str, choices: tuple[str, ...]) -> str:
        value = self.get(name, str)
        if value not in choices:
            raise BundleError(
                f"{self.file} has {value!r} as {name}; expected one of {', '.join(choices)}. "
                f"{AGAIN}"
            )
        return value


_JSON_NAMES = {str: "string", int: "integer", float: "number", list: "array", dict: "object"}
