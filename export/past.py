"""The keys and values that a decoder's graph is given and gives back, by their names."""

import numpy as np
import onnxruntime

_PAST, _PRESENT = "past_key_values.", "present."


def make_past(
    session: onnxruntime.InferenceSession, batch: int, *, written: int = 0, read: int = 0
) -> dict[str, np.ndarray]:
    """Zeros for every input of the past; as they stand here they begin a text.

    Args:
        written: tokens of the target so far.
        read: tokens of the source whose keys and values are there already.
    """
    past = {}
    for value in session.get_inputs():
        if value.name.startswith(_PAST):
            _, heads, _, depth = value.shape
            length = read if ".encoder." in value.name else written
            past[value.name] = np.zeros((batch, heads, length, depth), np.float32)
    return past


def present_of(past: str) -> str:
    """The output that is this input at the next step."""
    return past.replace(_PAST, _PRESENT)
