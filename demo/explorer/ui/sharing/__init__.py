"""What a reader takes along or passes on: a text as a page of its own, and a link to it.

Public: `kept_page`, `link`.
"""
