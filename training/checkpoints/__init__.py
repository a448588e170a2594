"""Folders in Hugging Face's format, both ways; they are written whole or not at all.

Public: `atomic_folder`, `classifier`, `files`, `hf_config`, `hf_names`, `hybrid`,
`masked_lm`, `record`, `run_states`.
"""
