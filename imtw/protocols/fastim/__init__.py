"""
FastIM: rooms over WebSocket, lists of rooms, and an HTTP API beside them.
"""
