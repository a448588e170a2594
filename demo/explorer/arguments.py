"""The arguments of the endpoints for programs: by place or by name, the rest by default."""

from functools import cached_property
from typing import Any

import gradio as gr

from explorer.request import RequestError


class Endpoints:
    """The endpoints of a page, and what they take."""

    def __init__(self, page: gr.Blocks) -> None:
        self._page = page

    def complete(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """A call with every argument of its endpoint, from one that leaves out what has a default.

        Args:
            path: what stands after `/call/`: a name, or `v2/` and a name.
            body: of a call by place `{"data": [...]}`; of the other kind the arguments by name.

        Raises:
            RequestError: no such endpoint, too many arguments, or too few.
        """
        by_name = path.startswith("v2/")
        name = path.removeprefix("v2/")
        parameters = self._parameters.get(name)
        if parameters is None:
            known = ", ".join(f"/{known}" for known in self._parameters)
            raise RequestError(f"There is no endpoint of this name; this page has {known}.")
        names = list(parameters)
        if by_name:
            given = body
        else:
            data = body.get("data")
            if not isinstance(data, list):
                raise RequestError(
                    f'Send the arguments of /{name} as a list, {{"data": [...]}}: '
                    f"{', '.join(names)}."
                )
            given = dict(zip(names, data, strict=False))
            if len(data) > len(names):
                raise RequestError(
                    f"/{name} takes {len(names)} arguments at most ({', '.join(names)}); "
                    f"{len(data)} were sent."
                )
        if not given.keys() <= parameters.keys():
            raise RequestError(f"/{name} takes these arguments alone: {', '.join(names)}.")
        values = {**parameters, **given}
        missing = [one for one, value in values.items() if value is _REQUIRED]
        if missing:
            raise RequestError(f"/{name} needs a value for {', '.join(missing)}.")
        return values if by_name else {"data": list(values.values())}

    @cached_property
    def _parameters(self) -> dict[str, dict[str, Any]]:
        """The arguments of each endpoint, in order, with their defaults."""
        return {
            name.removeprefix("/"): {
                one["parameter_name"]: one["parameter_default"]
                if one["parameter_has_default"]
                else _REQUIRED
                for one in about["parameters"]
            }
            for name, about in self._page.get_api_info()["named_endpoints"].items()
        }


_REQUIRED = object()
