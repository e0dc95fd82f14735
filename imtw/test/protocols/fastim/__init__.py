"""
Tests of the FastIM dialect.
"""
