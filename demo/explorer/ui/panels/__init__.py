"""The analyses as the page shows them and programs ask for them.

Public: `registry`.
"""
