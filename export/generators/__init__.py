"""Opens models of any family in `transformers` that write: decoders alone, or behind an encoder.

Public: `agreement`, `opening`, `proof`, `random_models`, `texts`.
"""
