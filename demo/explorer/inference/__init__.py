"""Runs a bundle's graphs: text in, numpy out.

Public: `cost`, `encoder`, `generator`, `logits`, `reading_cache`,
`tokenizing`, `tokens`.
"""
