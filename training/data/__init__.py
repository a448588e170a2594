"""Rows to padded batches: cleaned, split, corrupted, tokenised; no text in two parts.

Public: `batches`, `corpus`, `noise`, `pair_batches`, `pairs`, `sentences`, `splits`.
"""
