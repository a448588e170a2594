"""What can be computed from a reading or from many: plain functions, nothing of the page."""
