"""How a text is written by the settings of a bundle, token by token: for the page and the export.

Needs numpy and `bundle_format` alone.
"""
