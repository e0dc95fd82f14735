"""
Clients that want to have everything, however often their connection breaks.
"""

from __future__ import annotations

from collections import Counter

from imtw.verify import wire
from imtw.verify.caller import PAGE
from imtw.verify.crowd import Address, Crowd, Link
from imtw.verify.wire import Conversation


class CatcherLink(Link):
    """
    The connection that a catcher has at the moment.
    """

    def __init__(self, crowd: Crowd, address: Address, catcher: Catcher) -> None:
        self._catcher = catcher
        super().__init__(crowd, address)

    def heard(self, command: int, body: bytes) -> None:
        self._catcher.heard(command, body)


class Catcher:
    """
    Takes part in one group as an old client does: what it is told, and after
    each login what the group's history (command 19) has beyond what it knows.

    A client that catches up in another way is a subclass: L{catchUp} asks,
    L{heard} listens.

    @ivar got: how often each message came, by id, before repeats are dropped.
    @ivar order: ids as the history has them.
    @ivar isCaughtUp: the history has nothing more for it.
    """

    device = ""

    def __init__(self, name: str, where: Conversation) -> None:
        self.name = name
        self.where = where
        self.got: Counter[str] = Counter()
        self.order: list[str] = []
        self.isCaughtUp = False
        self.link: CatcherLink | None = None

    def connect(self, crowd: Crowd, address: Address) -> None:
        """
        Log in, and catch up.

        @raise OSError: nobody is there.
        """
        self.isCaughtUp = False
        self.link = CatcherLink(crowd, address, self)
        self.link.send(wire.login(self.name, self.device) + wire.join(self.where.group))

    @property
    def isConnected(self) -> bool:
        """
        Is there a connection?
        """
        return self.link is not None and self.link.isOpen

    def heard(self, command: int, body: bytes) -> None:
        """
        Something came.
        """
        if command == wire.CHAT:
            self.got[str(wire.read(body).get("data", {}).get("id"))] += 1
        elif command == wire.JOINED:
            self.catchUp()
        elif command == wire.MESSAGES:
            rows = (wire.read(body).get("data") or {}).get("groups", {}).get(self.where.group, [])
            for row in rows:
                self.order.append(str(row["id"]))
                self.got[self.order[-1]] += 1
            self.isCaughtUp = not rows
            if rows:
                self.catchUp()

    def catchUp(self) -> None:
        """
        Ask for what the history has beyond what is known.
        """
        asked = {"cmd": 19, "type": 1, **self.where.asked(self.name), "offset": len(self.order), "count": PAGE}
        assert self.link is not None
        self.link.send(wire.frame(wire.GET_MESSAGES, asked))


class Negligent(Catcher):
    """
    Does not catch up, and so shows what the cuts cost.
    """

    def catchUp(self) -> None:
        self.isCaughtUp = True
