"""Opens models of any family in `transformers`, by what attention looks like in a graph.

Public: `loading`, `opening`, `proof`, `random_models`, `refusal`.
"""
