"""What attends to what, between tokens or words, heads and layers. Pure numpy.

Public: `head_types`, `maps`, `packed`, `view`.
"""
