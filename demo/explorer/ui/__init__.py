"""What visitors and programs meet: the page and its tabs, the endpoints, checks, sentences.

Public: `api`, `events`, `models`, `page`, `widgets`.
"""
