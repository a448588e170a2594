"""Gradio's Soft theme in indigo, with the few colours changed that fail WCAG AA contrast."""

import gradio as gr

_PAIRS = {
    "body_background_fill": ("*neutral_50", "*neutral_950"),
    "block_title_text_color": ("*neutral_800", "*neutral_100"),
    "block_label_text_color": ("*neutral_800", "*neutral_100"),
    "block_info_text_color": ("*neutral_600", "*neutral_300"),
    "body_text_color_subdued": ("*neutral_600", "*neutral_300"),
    "button_primary_background_fill": ("*primary_600", "*primary_600"),
    "button_primary_background_fill_hover": ("*primary_700", "*primary_700"),
    "button_primary_text_color": ("white", "white"),
    "checkbox_label_background_fill_selected": ("*primary_600", "*primary_600"),
    "checkbox_label_text_color_selected": ("white", "white"),
    "input_placeholder_color": ("*neutral_500", "*neutral_400"),
    "block_title_background_fill": ("none", "none"),
    "link_text_color": ("*primary_700", "*primary_300"),
}


def make_theme() -> gr.themes.Base:
    """The theme; its fonts are the system's, so that nothing is fetched from other hosts."""
    colours = {name: light for name, (light, _) in _PAIRS.items()}
    colours |= {f"{name}_dark": dark for name, (_, dark) in _PAIRS.items()}
    return gr.themes.Soft(
        primary_hue="indigo",
        neutral_hue="zinc",
        font=["system-ui", "sans-serif"],
        font_mono=["ui-monospace", "monospace"],
    ).set(**colours)
