"""Runs a bundle's graphs: text in, numpy out.

Public: `cache`, `cost`, `encoder`, `generator`, `logits`, `tokenizing`, `tokens`.
"""
