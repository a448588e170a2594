"""What goes wrong by what a person sent. What goes wrong by a bundle is in `bundle_format`."""


class RequestError(ValueError):
    """A request that cannot be answered, as a sentence for the person who sent it."""
