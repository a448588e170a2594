"""Pictures of maps. Of all rooms, this one alone draws with matplotlib.

Public: `geometry`, `heatmap`.
"""
