"""
Tests of the carriers and the dialects.
"""
