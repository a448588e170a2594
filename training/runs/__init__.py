"""One run from its start to the folder, and the pages about it.

Public: `classifier`, `curves`, `hybrid`, `launch`, `records`, `report`, `teacher`.
"""
