"""Opens the graphs of models of any family, by what attention looks like in one.

Public: `blocks`, `head_calls`, `layout`, `lowering`, `opening`, `proof`, `random_models`,
`refusal`, `surgery`, `tracing`.
"""
