"""How a text is written by the settings of a bundle, token by token, and how a model is asked by
its chat template: for the page and the export.

Needs numpy, jinja2 and `bundle_format` alone.
"""
