"""Running a graph: onnxruntime and other runtimes, writing step by step, time.

Public: `greedy`, `other_runtimes`, `session`, `timing`, `writing`.
"""
