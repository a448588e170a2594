"""The architecture and nothing else, from scratch: encoder, classifier, decoder, hybrid.

Public: `attention`, `classifier`, `config`, `decoder`, `encoder`, `masked_lm`.
"""
