"""A float32 graph in, an 8-bit graph out, and how far it moved.

Public: `agreement`, `choices`, `graph`, `schemes`.
"""
