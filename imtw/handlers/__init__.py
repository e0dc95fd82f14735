"""
One command family a module; each handler is declared as a plugin.
"""
