"""Runs a bundle's graphs: text in, numpy out.

Public: `cache`, `cost`, `encoder`, `generator`, `logits`, `probabilities`, `source_text`,
`target_text`, `tokens`.
"""
