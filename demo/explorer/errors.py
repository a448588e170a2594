"""What goes wrong by what a person sent, and what a library says of it.

What goes wrong by a bundle is in `bundle_format`.
"""


class RequestError(ValueError):
    """A request that cannot be answered, as a sentence for the person who sent it."""


def reason(error: BaseException) -> str:
    """What a library says is wrong, on one line and cut."""
    return " ".join(str(error).split())[:200].rstrip(". ")
