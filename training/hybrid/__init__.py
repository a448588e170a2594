"""The encoder-decoder as something that reads and writes, and its two tasks.

Public: `seq2seq`, `tasks`.
"""
