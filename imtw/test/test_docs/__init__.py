"""
The documentation says what is so: its code runs, its conversations and
requests are played against a real server, its tables are compared with what
they list.
"""
