"""
The benchmark: how much of its machine the server needs for what it does,
beside a baseline in C in the same run.  See docs/howto/measure.rst.
"""
