"""Tables and datasets from outside to rows: CSV, JSON, the Hub, and what installs with us.

Public: `answers`, `hub_dataset`, `packaged`, `rows`, `table_file`.
"""
