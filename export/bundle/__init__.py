"""The folder that a page or a server opens: its files, its card, and how it is written.

Public: `card`, `example_texts`, `files`, `text_files`, `write`.
"""
