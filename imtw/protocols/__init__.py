"""
Carriers, and the dialects spoken over them.
"""
