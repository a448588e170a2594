"""Runs a bundle's graphs that read: text in, numpy out.

Public: `cost`, `encoder`, `logits`, `question`, `reading`, `reading_cache`, `session`, `tasks`,
`tokenizing`, `tokens`, `word_bounds`.
"""
