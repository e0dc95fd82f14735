"""
One row of the table a module, or a few that share what they do.
"""
