"""Running a graph: onnxruntime and other runtimes, writing step by step, time.

Public: `other_runtimes`, `session`, `strategies`, `timing`, `writing`.
"""
