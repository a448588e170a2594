"""Rows to padded batches: cleaned, split, corrupted, tokenised; no text in two parts."""
