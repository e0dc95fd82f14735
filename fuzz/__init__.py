"""
What nobody thought of: random input for everything that reads a peer's bytes
(see README.rst).
"""
