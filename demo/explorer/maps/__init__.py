"""What attends to what, between tokens or words, heads and layers. Pure numpy.

Public: `axes`, `head_types`, `maps`, `rollout`, `view`.
"""
