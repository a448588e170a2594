"""Runs a bundle's graphs: text in, numpy out.

Public: `cost`, `decoder`, `encoder`, `generator`, `logits`, `prompt`, `question`, `reading`,
`reading_cache`, `tasks`, `tokenizing`, `tokens`.
"""
