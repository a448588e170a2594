"""What programs ask for beside the tasks and the analyses, and the list of all endpoints.

Public: nothing to the page's own rooms.
"""
