"""
Tests of L{imtw.admin}.
"""
