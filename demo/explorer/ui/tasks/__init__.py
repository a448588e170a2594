"""What the reading tab and the endpoints have for each task of a model that reads.

Public: `answer`, `classify`, `embed`, `fill`, `known`, `tag`.
"""
