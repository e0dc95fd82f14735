"""
Tests for L{imtw.protocols.easyim}.
"""
