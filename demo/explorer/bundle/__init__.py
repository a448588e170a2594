"""Opens a bundle: the folder that the export writes.

Public: `bundle`, `schema`, `tokenizer_file`.
"""
