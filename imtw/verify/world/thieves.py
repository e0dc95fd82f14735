"""
Those who come by what others are about to make worthless.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imtw.verify.wire import LOGGED_IN, LOGIN, LOGIN_OK, FrameReader, frame, read
from imtw.verify.world.keys import Key
from imtw.verify.world.wires import Wire

if TYPE_CHECKING:
    from imtw.verify.world.clients import Around

SOON = 0.03  # seconds, in the mean: as long as it takes to check a password and to store another
STAY = 3.0


class Thief:
    """
    Somebody who shows a user's password or token, and then listens.
    """

    def __init__(self, world: Around, key: Key, word: str) -> None:
        """
        @param word: what the key's secret is called.
        """
        self._world = world
        self._key = key if key.device else key._replace(device="stolen")  # an old one's messages are not for it
        self._word = word
        self._frames = FrameReader()
        self._wire: Wire | None = None
        world.later(world.chance.expovariate(1 / SOON), self._come)

    def _come(self) -> None:
        key = self._key
        self._wire = wire = self._world.dial(self)
        if wire is not None:
            wire.send(frame(LOGIN, {"loginname": key.user, "device": key.device, self._word: key.secret}))
            self._world.later(STAY, wire.cut)

    def heard(self, data: bytes) -> None:
        """
        Bytes came.
        """
        for command, body in self._frames.feed(data):
            if command == LOGGED_IN and self._wire is not None and read(body)["code"] == LOGIN_OK:
                self._world.note(f"a thief as {self._key.user}", f"is in by a {self._word}")
                self._world.keys.entered(self._wire, self._key)
                self._world.keys.impersonated.add(self._key.user)

    def lost(self) -> None:
        """
        That was it.
        """

    def handed(self, wire: Wire, data: bytes) -> None:
        """
        The server has sent something.
        """

    def evicted(self) -> None:
        """
        Something did not arrive.
        """
