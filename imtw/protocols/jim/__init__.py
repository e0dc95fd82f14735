"""
J-IM: frames, bodies, and the protocols that carry them.
"""
