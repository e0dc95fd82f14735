"""
A world of its own: the server, its store and dozens of clients in virtual
time, in one thread, with all that happens made of one number.

The server is the real one, from the port's recogniser down to SQLite's
tables.  What is not real is made here: time (L{lifetime}), the disk's pace
and troubles (L{store}), the network (L{wires}); and how much there is room
for (L{bounds}).  A story (L{story}) lets people
(L{people}) chat while connections are cut and the server crashes; a record
(L{record}) keeps what was committed, and a judge (L{judge}) compares what they
saw with what they were promised.  The same
seed tells the same story.
"""
