"""
C{imtw verify}: holds a server to its promise, on the machine where it is
asked.

Throw-away servers, real ones in processes of their own, are killed, starved
of disk, flooded and dripped at, while clients that know nothing but the wire
write down what they were told.
"""
