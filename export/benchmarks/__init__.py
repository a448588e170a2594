"""Processes that time graphs beside the alternatives, and the tables of it.

Public: `corpus`, `decoder`, `encoder`, `generators`.
"""
