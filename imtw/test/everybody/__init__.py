"""
Everybody talks to everybody: clients of all dialects in one conversation.
"""
