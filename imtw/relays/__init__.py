"""
How nodes hear of each other.
"""
