"""The encoder-decoder as one thing that reads and generates, and its two tasks.

Public: `seq2seq`, `tasks`.
"""
