"""What a bundle is: the schema by which the export writes one, and everybody opens it.

Needs nothing but Python, and stands beside `explorer`, whose import settles a page's process.
"""
