"""The loop, and what each training brings to it; it yields records and prints nothing.

Public: `classifier`, `hybrid`, `loop`, `losses`, `optim`, `pretraining`,
`progress`.
"""
