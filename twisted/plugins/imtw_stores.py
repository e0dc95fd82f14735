"""
The stores that imtw brings: C{--store NAME:ARGUMENT}.
"""

from imtw.plugin import StoreMaker

memory = StoreMaker(
    "memory", "imtw.persistence.memory.MemoryStore", "memory: keeps everything until the server stops"
)
none = StoreMaker(
    "none", "imtw.persistence.memory.ForgetfulStore", "none: keeps no messages; who is offline misses them"
)
sqlite = StoreMaker("sqlite", "imtw.persistence.sqlite.SQLiteStore", "sqlite:FILE keeps everything in one file")
