"""What a model is worth, in numpy.

Public: `baseline`, `classification`, `problems`, `sentences`, `text`.
"""
