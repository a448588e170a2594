"""The analyses, a file each: as the page shows it, and as programs ask for it.

Public: `registry`.
"""
