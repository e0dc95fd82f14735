"""
Passwords and tokens: which of them count, and who is on which connection by
which of them.

From a second after a password was changed, or a token or a device revoked,
nobody is on a connection any more who came by it, and nothing is sent there.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

from imtw.verify.world.wires import Wire

if TYPE_CHECKING:
    from imtw.verify.world.clients import Around

PATIENCE = 1.0  # seconds until a connection ends that is to


class Key(NamedTuple):
    """
    What a client says who it is with.

    @ivar secret: a password or a token.
    """

    user: str
    device: str
    secret: str


class Keys:
    """
    What the people of a world know, and what of it counts.

    @ivar tokens: what clients hold, by their names.
    @ivar impersonated: users as whom somebody else was there.
    """

    def __init__(self, world: Around) -> None:
        self.tokens: dict[str, Key] = {}
        self.impersonated: set[str] = set()
        self._world = world
        self._passwords: dict[str, str] = {}
        self._wanted: dict[str, str] = {}
        self._dead: set[bytes] = set()
        self._replaced: set[bytes] = set()  # those of them that a new password has ended
        self._open: dict[Wire, Key] = {}

    def passwordOf(self, user: str) -> str:
        """
        A user's password.
        """
        return self._passwords.setdefault(user, f"first password of {user}")

    def newPassword(self, user: str) -> str:
        """
        One that a user is about to get; none where that is so already.
        """
        if user in self._wanted:
            return ""
        password = self._wanted[user] = f"another of {user} at {self._world.now()}"
        return password

    def settled(self, user: str) -> None:
        """
        It has got it, or never will.
        """
        self._wanted.pop(user, None)

    def obtained(self, name: str, key: Key, by: str) -> None:
        """
        A client got a token by what it had come with.  If a new password has
        ended that, it has ended the token, too; where a token was revoked,
        those that were got by it stay.
        """
        self.tokens[name] = key
        if digestOf(by) in self._replaced:
            self._dead.add(digestOf(key.secret))

    def entered(self, wire: Wire, key: Key) -> None:
        """
        Somebody is on a connection.
        """
        self._open[wire] = key
        if digestOf(key.secret) in self._dead:
            self._end(wire, "came by what counted no more")

    # what was committed

    def secretChanged(self, user: str) -> None:
        """
        A user has a new password; nothing else of it counts.
        """
        self._world.note(user, "has a new password")
        self._replaced.add(digestOf(self.passwordOf(user)))
        self._replaced |= {digestOf(key.secret) for key in self.tokens.values() if key.user == user}
        self._dead |= self._replaced
        self._passwords[user] = self._wanted[user]
        for wire, key in self._open.items():
            if key.user == user:
                self._end(wire, "is on it still after a new password")

    def tokensDropped(self, digests: Iterable[bytes]) -> None:
        """
        Tokens count no more.
        """
        self._dead |= set(digests)
        for wire, key in self._open.items():
            if digestOf(key.secret) in self._dead:
                self._end(wire, "is on it still after its token was revoked")

    def deviceDropped(self, user: str, device: str) -> None:
        """
        A device is forgotten.
        """
        self._world.note(user, f"has no {device} any more")
        for wire, key in self._open.items():
            if (key.user, key.device) == (user, device):
                self._end(wire, "is on it still after its device was forgotten")

    def _end(self, wire: Wire, what: str) -> None:
        self._world.later(PATIENCE, self._look, wire, what)

    def _look(self, wire: Wire, what: str) -> None:
        """
        By now it has to be over.
        """
        wire.isForbidden = True
        if not wire.isEnding:
            self._world.record.faults.append(f"{self._open[wire].user} {what}")


def digestOf(secret: str) -> bytes:
    """
    What the server keeps of a token.
    """
    return sha256(secret.encode()).digest()
