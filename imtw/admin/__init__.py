"""
The operator's listener: metrics, health, and the API of the C{imtw} command.
"""
