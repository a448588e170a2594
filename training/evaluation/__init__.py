"""What a model is worth, in numpy.

Public: `classification`, `text`.
"""
