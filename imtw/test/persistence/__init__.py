"""
Tests for L{imtw.persistence}: one contract, run by every store.
"""
