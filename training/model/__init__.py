"""The architecture alone: config, attention, encoder, classifier. Nothing here reads a file.

Read in this order: `config.py`, `attention.py`, `encoder.py`, `classifier.py`.
"""
