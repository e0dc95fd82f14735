"""
Plays recorded conversations against a running server and compares; the standard library is enough for it.

A case says what clients send, step by step, and which events each step brings on which connection::

    {"name": "chat-private", "why": "what it shows",
     "steps": [{"open": "a", "via": "tcp:jim"}, {"send": "a", "cmd": 5, "json": {...}}, {"close": "a"}],
     "expect": [{}, {"a": [{"cmd": 6, "mask": "51", "json": {...}}]}, {}]}

C{differs} in a case: the original does something else; this is what was decided, and why.  C{loosened}: what is left
open, or mended, that the recording has fixed.  What is sent may hold C{${RUN}}, eight letters that differ in every
play, C{${NOW}}, C{${T:name}}, something captured, C{${REPEAT:ab*9000}} and C{${N}}.  What differs from play to play
reads the same each time: C{<id1>}, ids in the order of first sight, and C{<now>}.  See L{match} for the wildcards.

C{python -m imtw.test.conformance.replay --port 9733 FOLDER} plays the cases of a folder.
"""
