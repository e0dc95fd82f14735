"""
Who may log in: checkers, hashes, tokens, and what slows guessing.
"""
