"""What a text is written from: the sources that a model offers, and the tab's form for one.

Public: `offered`, `source_form`.
"""
