"""
Tests of L{imtw.accounts}.
"""
