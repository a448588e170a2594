"""The folder that a page or a server opens, and the schema of its `bundle.json`.

Public: `card`, `files`, `schema`, `typed_json`, `write`.
"""
