"""
A client, whatever it speaks: it comes back whenever its connection breaks,
says again what was not answered, and remembers all it was shown.
"""

from __future__ import annotations

from collections import deque
from random import Random
from typing import Any, Protocol

from imtw.verify.wire import Conversation
from imtw.verify.world.keys import Key, Keys
from imtw.verify.world.record import Record
from imtw.verify.world.wires import Dialer, Wire
from imtw.verify.world.words import Seen, Words

HASTE = (2.0, 2.0, 2.0, 0.3)  # how often in a second somebody would come back


class Around(Dialer, Protocol):
    """
    What a client needs of its world.
    """

    chance: Random
    record: Record
    keys: Keys

    def now(self) -> float:
        """
        The world's time.
        """

    def later(self, seconds: float, do: Any, *args: Any) -> None:
        """
        Do something then.
        """

    def note(self, who: str, what: str) -> None:
        """
        Write something down.
        """


class Client:
    """
    One client.

    A subclass knows a dialect: it says hello in L{_begin}, says things in
    L{_utter}, and calls L{_entered}, L{_settled} and L{_show} for what it
    hears.

    @ivar device: its name for its device, or nothing.
    @ivar joined: since when its user is known to be in a group.
    @ivar seen: all it was shown, repeats too.
    @ivar sent: by where, sender and id, the messages that the server has sent
        to it, whether they arrived or not: for a client that names no device.
    @ivar missed: how long the logs were when it was last cut for not reading.
    @ivar amended: the recalls and edits it was told of.
    @ivar outbox: what is said and not answered, the oldest first.
    @ivar unread: by conversation, what the server said last.
    @ivar told: the ids of invitations that it was told of: for who speaks
        easyim, by the server's own account.
    @ivar isIn: it is logged in.
    """

    kind = ""
    window = 5  # of what is said again, so many at once

    def __init__(self, world: Around, user: str, device: str = "") -> None:
        self.world = world
        self.user = user
        self.device = device
        self.name = f"{user}/{device}{self.kind}"
        self.joined: dict[str, float] = {}
        self.sent: set[tuple[Conversation, str, str]] = set()
        self.amended: set[tuple[Conversation, int]] = set()
        self.seen: list[Seen] = []
        self.said: list[Words] = []
        self.outbox: list[Words] = []
        self.told: set[int] = set()
        self.unread: dict[Conversation, int] = {}
        self.missed: dict[Conversation, int] = {}
        self.connections = 0
        self._haste = world.chance.choice(HASTE)
        self.isIn = False
        self._wire: Wire | None = None
        self._again: deque[Words] = deque()  # to be said on this connection, too
        self._asked: list[Words] = []  # in the order of their answers, on this connection

    # the connection

    def connect(self) -> None:
        """
        Try to be connected.
        """
        if self._wire is not None:
            return
        self._wire = self.world.dial(self)
        if self._wire is None:
            self.world.later(0.2 + self.world.chance.expovariate(2), self.connect)
            return
        self.connections += 1
        self._again.clear()
        self._asked = []
        self._begin()

    def lost(self) -> None:
        """
        The connection is gone; come back.
        """
        if self._wire is not None:
            self.world.note(self.name, "is cut off")
            self._wire, self.isIn = None, False
            self.world.later(self.world.chance.expovariate(self._haste), self.connect)

    def cut(self) -> None:
        """
        Break the connection.
        """
        if self._wire is not None:
            self._wire.cut()

    def stall(self, seconds: float) -> None:
        """
        Do not read for a while.
        """
        if self._wire is not None:
            self._wire.isStalled = True
            self.world.later(seconds, self._wire.unstall)

    @property
    def token(self) -> str:
        """
        What it can log in with instead of a password, or nothing.
        """
        key = self.world.keys.tokens.get(self.name)
        return "" if key is None else key.secret

    def _obtained(self, token: str, by: str) -> None:
        """
        It has got a token, by a password or another token.
        """
        self.world.keys.obtained(self.name, Key(self.user, self.device, token), by)

    def _dropToken(self) -> None:
        """
        Its token counts no more, or seems to.
        """
        self.world.keys.tokens.pop(self.name, None)

    @property
    def isContent(self) -> bool:
        """
        Has it nothing more to do?
        """
        isReading = self._wire is not None and not self._wire.isStalled and self._wire.isQuiet
        return self.isIn and isReading and not self.outbox

    def handed(self, wire: Wire, data: bytes) -> None:
        """
        The server has sent this, and believes that it arrives.
        """

    def evicted(self) -> None:
        """
        It did not read: what was committed so far may be under what it
        missed.
        """
        self.world.note(self.name, "did not read and is cut")
        self.missed = {where: len(rows) for where, rows in self.world.record.rows.items()}

    # what it does

    def say(self, where: Conversation, id: str, content: str) -> None:
        """
        Say something, now or when it is possible; the same id with the same
        words until it is answered.
        """
        words = Words(self.user, self.device, where, id, content, self.world.now())
        self.said.append(words)
        self.outbox.append(words)
        if self._again:
            self._again.append(words)
        else:
            self._send(words)

    def invite(self, user: str) -> None:
        """
        Ask a user to be its user's friend.
        """
        raise NotImplementedError

    def agree(self, user: str) -> None:
        """
        Be a friend of who has asked.
        """
        raise NotImplementedError

    def heard(self, data: bytes) -> None:
        """
        Bytes came.
        """
        raise NotImplementedError

    def _begin(self) -> None:
        """
        There is a connection: log in.
        """
        raise NotImplementedError

    def _utter(self, words: Words) -> None:
        """
        Send a message.
        """
        raise NotImplementedError

    # what comes of it

    def _entered(self, secret: str) -> None:
        """
        It is logged in.

        @param secret: by this.
        """
        self.world.note(self.name, "is in")
        if self._wire is not None:
            self.world.keys.entered(self._wire, Key(self.user, self.device, secret))
        self.isIn = True
        self._again = deque(self.outbox)
        self._goOn()

    def _goOn(self) -> None:
        """
        Say again what was not answered, a few at once.
        """
        while self._again and len(self._asked) < self.window:
            self._send(self._again.popleft())

    def _send(self, words: Words) -> None:
        if self._wire is not None and self.isIn:
            self._asked.append(words)
            words.times += 1
            self._utter(words)

    def _settled(self, words: Words, isTaken: bool, answer: Any) -> None:
        """
        A message was answered.
        """
        world = self.world
        if isTaken and words.ackedAt is None:
            words.ackedAt = world.now()
            if not world.record.holds(words.where, words.sender, words.id):
                world.record.faults.append(f"{words.id} was acknowledged and is not committed")
            world.note(self.name, f"knows that {words.id} is stored")
        elif words.ackedAt is None:
            words.isRefused = True
            world.note(self.name, f"is refused {words.id}: {answer}")
        if words in self.outbox:
            self.outbox.remove(words)
        self._goOn()

    def _show(self, one: Seen) -> None:
        """
        It is shown a message.
        """
        record = self.world.record
        self.world.note(self.name, f"is shown {one.id} of {one.sender} ({one.seq})")
        self.seen.append(one)
        if one.isLive and not record.mayBeShown(self.user, one.where, one.seq or record.seqOf(one)):
            record.faults.append(f"{self.name} was shown {one.id} in {one.where}, which is not for it")
