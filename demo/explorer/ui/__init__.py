"""What visitors and programs meet: the page and its tabs, the endpoints, checks, sentences.

Public: `endpoints`, `events`, `models`, `page`, `widgets`.
"""
