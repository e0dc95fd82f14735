"""
Tests of commands that clients with a device, and groups of one's own, have.
"""
