"""
Ways to look at a server from within.  C{main} of such a module is run in
place of C{twistd}, with a file's name before C{twistd}'s own arguments.
"""
