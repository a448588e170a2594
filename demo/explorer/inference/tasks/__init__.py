"""What a reading says by the task of its model, and what can be asked of it.

Public: every file, to other rooms; none to this one.
"""
