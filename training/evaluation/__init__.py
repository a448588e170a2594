"""What a model is worth, in numpy.

Public: `baseline`, `classification`, `text`.
"""
