"""
A world of its own: the server, its store and dozens of clients in virtual
time, in one thread, with all that happens made of one number.

The server is the real one, from the port's recogniser down to SQLite's
tables (L{running}).  What is not real is made here: time (L{timeline},
L{lifetime}), the disk's pace and troubles (L{store}), the cost of passwords
(L{passwords}), the network (L{wires}); and how much there is room for
(L{bounds}).  A story (L{story}) lets people (L{people}) do what they do
(L{deeds}), in J-IM (L{jim}) or easyim (L{easyim}), while connections are cut,
the server crashes, passwords are changed (L{operator}) and thieves come by the
old ones (L{thieves}).  A record (L{record}) keeps what was committed, and
another (L{keys}) what counts of what people log in with; a judge (L{judge})
compares what they saw with what they were promised.  The same seed tells the
same story.
"""
