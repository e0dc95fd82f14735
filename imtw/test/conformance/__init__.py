"""
Conversations recorded from the running originals, and what plays them against a server: see C{replay}.
"""
