"""Runs a bundle's graphs: text in, numpy out.

Public: `cost`, `encoder`, `generator`, `logits`, `question`, `reading`, `reading_cache`,
`tasks`, `tokenizing`, `tokens`.
"""
