"""Tables and datasets from outside to rows: CSV, JSON, the Hub, and what installs with us."""
