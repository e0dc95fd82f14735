"""
FastIM as a dialect: what it recognises and what it makes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Literal

from twisted.web.resource import IResource

from imtw.protocols.dialect import Dialect
from imtw.protocols.fastim.expiry import Expiry
from imtw.protocols.fastim.house import House
from imtw.protocols.fastim.options import readOptions
from imtw.protocols.fastim.paths import Room, isOurs, targetOf
from imtw.protocols.fastim.resources import UPGRADING, fastRoutes
from imtw.protocols.fastim.room import RoomSpeaker
from imtw.protocols.fastim.roster import Board, RosterSpeaker
from imtw.server import Core


class FastDialect(Dialect):
    """
    FastIM, over WebSocket and HTTP.
    """

    name = "fastim"
    needs = UPGRADING
    answersBroken = True

    def __init__(self, core: Core, strict: bool, options: dict[str, str]) -> None:
        self.house = House(core, readOptions(strict, options))
        self.board = Board(self.house)
        self.expiry = Expiry(self.house, self.board.emptied)
        core.workers += [self.board, self.expiry]
        self._routes, self.elsewhere = fastRoutes(self.house)

    def recogniseUpgrade(
        self, path: str, query: dict[str, str], alone: bool
    ) -> Callable[[], Any] | Literal[False] | None:
        """
        The targets of its two WebSockets.
        """
        if not isOurs(path):
            return None
        target = targetOf(path)
        if target is None:
            return False
        if isinstance(target, Room):
            return partial(RoomSpeaker, self.house, self.expiry, target)
        return partial(RosterSpeaker, self.house, self.board, target.user, target.token)

    def resources(self) -> dict[str, IResource]:
        """
        Its HTTP routes.
        """
        return self._routes
