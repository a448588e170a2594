"""What `benchmark.py` measures on a bundle: how faithful its rankings are, how long it takes.

Public: `analyses`, `clicks`, `in_a_browser`, `load`, `served`.
"""
