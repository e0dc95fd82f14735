A plugin that cannot be made, or is not what it was declared to be, keeps the server from starting in a line with its name, what is wrong, and where.
