"""Makes the folder that is a Space, from a bundle: what runs the page there, pins and a card.

Needs nothing but Python and `bundle_format`, so that the export makes a Space in the same run; only
`pushing` needs `huggingface_hub`, which comes with gradio, and `static_check` a browser.

Public: `build`, `card`, `folder`, `kinds`, `pushing`, `static_check`.
"""
