"""What visitors and programs meet: the page and its tabs, the endpoints, checks, sentences.

Public: `events`, `models`, `page`, `programs`, `widgets`.
"""
