"""All that knows gradio's components: layout, events, checks, sentences, endpoints.

Public: `api`, `layout`, `models`, `panels`, `widgets`, `wiring`, `write_api`, `write_wiring`.
"""
