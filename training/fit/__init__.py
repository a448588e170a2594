"""The training loops: generators of records that print nothing.

Public: `classifier`, `hybrid`, `losses`, `optim`.
"""
