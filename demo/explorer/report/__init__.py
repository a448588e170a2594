"""A report over many texts: rows in, each read and analysed once, tables and a page out.

Public: `batches`, `journal`, `page`, `summary`, `tables`, `workers`, `written`.
"""
