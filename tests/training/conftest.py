"""Every test here is a shape test too: the shapes in the signatures are checked at each call."""

from jaxtyping import install_import_hook

install_import_hook("training", "beartype.beartype")
