"""
Tests of C{imtw verify}: of its parts, of the whole, and whether it notices.
"""
