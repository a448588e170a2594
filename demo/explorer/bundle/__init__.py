"""Opens a bundle: the folder that the export writes.

Public: `bundle`, `tokenizer_file`.
"""
