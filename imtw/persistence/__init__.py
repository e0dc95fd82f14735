"""
Stores: what keeps users, groups, logs, cursors and tokens.
"""
