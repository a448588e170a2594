"""Opens models of any family in `transformers`, by what attention looks like in a graph.

Public: `blocks`, `head_calls`, `layout`, `loading`, `lowering`, `opening`, `proof`,
`random_models`, `refusal`, `surgery`, `tracing`, `weights`.
"""
