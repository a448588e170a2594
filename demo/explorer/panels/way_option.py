"""The control that says how words are taken out of a text."""

import gradio as gr

from explorer.analysis.removal import WAYS


def way_control(panel: str) -> gr.Radio:
    """Offers all ways; where the tokenizer has no mask token, the price says so."""
    return gr.Radio(
        list(WAYS), value=WAYS[0], label="Words are", elem_id=f"{panel}_way", min_width=180
    )
