"""
Errors that say whose fault it is.

::

    ImtwError
    +-- RemoteProtocolError     the peer broke the wire: disconnect
    +-- CommandRefused          legal but denied: reply, and stay connected
    +-- Unanswered              a dialect's own way to deal with it: silence
    +-- StoreError              ours: reply "not stored", log with traceback
    |   +-- StoreBusy           ours, for a moment: the commit queue is full
    +-- PluginLookupError       the operator's: refuse to start
"""

from __future__ import annotations


class ImtwError(Exception):
    """
    Any error of imtw's own.
    """


class RemoteProtocolError(ImtwError):
    """
    The peer sent what its dialect does not allow; the connection is of no
    use any more.
    """


class CommandRefused(ImtwError):
    """
    A command that was understood is denied.

    @ivar status: the L{imtw.commands.Status} the client is told.
    @ivar reason: why, in words for a person, or an empty text.
    @ivar data: what goes with it, or L{None}.
    @ivar close: whether the connection ends after the answer was written.
    """

    def __init__(self, status: int, reason: str = "", data: object = None, close: bool = False) -> None:
        super().__init__(reason or str(status))
        self.status = status
        self.reason = reason
        self.data = data
        self.close = close


class Unanswered(ImtwError):
    """
    A request that its dialect leaves without an answer.
    """


class StoreError(ImtwError):
    """
    The store could not do what it was asked; nothing was acknowledged.
    """


class StoreBusy(StoreError):
    """
    More is waiting for a commit than L{imtw.limits.Limits.commitQueue}
    allows.
    """


class PluginLookupError(ImtwError):
    """
    A plugin that was named is not there, or two claim the same place.
    """
