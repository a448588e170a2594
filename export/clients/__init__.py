"""Lays a bundle out as other programs want it, and Optimum's own export to compare with.

Public: `triton_repository`.
"""
