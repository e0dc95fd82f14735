"""
Other nodes: what they are told, and what they say.
"""
