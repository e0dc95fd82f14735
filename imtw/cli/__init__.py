"""
The C{imtw} command: what an operator does with accounts, groups and the
database.
"""

from imtw.cli.command import main

__all__ = ["main"]
