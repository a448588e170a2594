"""A checkpoint, opened: ours, or a folder of any model in `transformers`.

Public: `checkpoint`, `encoders`, `generation_settings`, `generators`, `gguf_file`, `memory`.
"""
