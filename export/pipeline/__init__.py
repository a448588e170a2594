"""Makes a checkpoint's graphs: each is traced, proven, and in 8 bit measured beside float32.

Public: `decoder`, `encoder`, `parts`.
"""
