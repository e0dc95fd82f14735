"""
Tests of the J-IM dialect.
"""
