"""Rows to padded batches: cleaned, split, corrupted, tokenised; no text in two parts.

Public: `also`, `batches`, `corpus`, `hybrid_texts`, `masking`, `noise`, `pair_batches`,
`pretraining_texts`, `splits`, `unlabelled`.
"""
