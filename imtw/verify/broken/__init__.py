"""
Servers that are broken on purpose: what L{imtw.verify.sabotage} does to them.
"""
