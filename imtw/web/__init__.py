"""
The chat page.
"""
