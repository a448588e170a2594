"""One run from its start to the folder, and the pages about it.

Public: `classifier`, `curves`, `hybrid`, `launch`, `pretraining`, `records`, `report`,
`teacher`.
"""
