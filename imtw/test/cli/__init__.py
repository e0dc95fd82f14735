"""
Tests of L{imtw.cli}.
"""
