"""What stands between the network and the page: routes, queue, address, log.

Public: `attended_queue`, `door`, `process`, `request_log`.
"""
