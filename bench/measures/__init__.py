"""
Ways to measure one side of a row.
"""
