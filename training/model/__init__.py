"""The architecture alone: encoder, classifier, decoder, hybrid. Nothing here reads a file.

Read in this order: `config.py`, `attention.py`, `encoder.py`, `classifier.py`, `families.py`,
`decoder.py`, `hybrid.py`.

Public: `attention`, `classifier`, `config`, `config_checks`, `decoder`, `decoder_config`,
`encoder`, `families`, `hybrid`, `tasks`.
"""
