"""Writes texts: a decoder for a source, or one alone behind a prompt.

Public: `decoder`, `generation`, `generator`, `prompt`, `settings`, `target_text`.
"""
