"""
Clients that speak, and write down what was acknowledged.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Sequence
from random import Random
from time import monotonic
from typing import NamedTuple

from imtw.verify import wire
from imtw.verify.crowd import Address, Crowd, Link
from imtw.verify.wire import Conversation


class Said(NamedTuple):
    """
    A message that was sent.

    @ivar number: which of its sender's; they only grow.
    """

    id: str
    sender: str
    where: Conversation
    number: int
    content: str


class Journal:
    """
    What was acknowledged: in a file of our own, synced, as somebody would
    who wants to hold the server to it.

    @ivar acked: the messages, by id.
    @ivar synced: how many of them are written down.
    @ivar waits: seconds from sending to the acknowledgement of each.
    """

    def __init__(self, path: str) -> None:
        self.acked: dict[str, Said] = {}
        self.synced = 0
        self.waits: list[float] = []
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._lines: list[str] = []

    def note(self, said: Said, waited: float) -> None:
        """
        A message was acknowledged.
        """
        self.acked[said.id] = said
        self.waits.append(waited)
        self._lines.append(said.id)

    def sync(self) -> None:
        """
        Write what came in this turn.
        """
        if self._lines:
            os.write(self._file, ("\n".join(self._lines) + "\n").encode())
            os.fdatasync(self._file)
            self._lines.clear()
            self.synced = len(self.acked)

    def close(self) -> None:
        """
        No more comes.
        """
        self.sync()
        os.close(self._file)


class SpeakerLink(Link):
    """
    The connection that a speaker has at the moment.
    """

    def __init__(self, crowd: Crowd, address: Address, speaker: Speaker) -> None:
        self._speaker = speaker
        super().__init__(crowd, address)

    def heard(self, command: int, body: bytes) -> None:
        self._speaker.heard(command, body)

    def lost(self) -> None:
        self._speaker.lost()


class Speaker:
    """
    A user who speaks as long as its answers come, and who says again, after
    a broken connection, what was not acknowledged.

    @ivar window: how many messages may be without an answer.
    @ivar pause: seconds between two messages, 0 for none.
    @ivar refused: how many were answered with something else than an
        acknowledgement.
    @ivar isQuiet: say nothing new.
    @ivar answers: how often each code was the answer.
    @ivar onSay: called with what is said for the first time.
    @ivar onAnswer: called with what was answered, and the code.
    """

    def __init__(
        self,
        name: str,
        places: Sequence[Conversation],
        random: Random,
        journal: Journal,
        window: int = 16,
        device: str = "",
        longest: int = 400,
    ) -> None:
        """
        @param longest: characters of a message, about.
        """
        self.name = name
        self.places = list(places)
        self.journal = journal
        self.window = window
        self.device = device
        self.refused = 0
        self.isQuiet = False
        self.answers: dict[int, int] = {}
        self.onSay: Callable[[Said], None] = lambda said: None
        self.onAnswer: Callable[[Said, int], None] = lambda said, code: None
        self.outstanding: deque[tuple[Said, float]] = deque()
        self.link: SpeakerLink | None = None
        self._random = random
        self._longest = longest
        self._count = 0
        self._isIn = False

    def connect(self, crowd: Crowd, address: Address) -> None:
        """
        Log in, and go on where the last connection ended.

        @raise OSError: nobody is there.
        """
        self.link = SpeakerLink(crowd, address, self)
        self._isIn = False
        self.link.send(wire.login(self.name, self.device))

    @property
    def isConnected(self) -> bool:
        """
        Is there a connection?
        """
        return self.link is not None and self.link.isOpen

    @property
    def isIn(self) -> bool:
        """
        Is it logged in?
        """
        return self._isIn and self.isConnected

    def hangUp(self) -> None:
        """
        End the connection.
        """
        if self.link is not None:
            self.link.reset()

    def heard(self, command: int, body: bytes) -> None:
        """
        Something came.
        """
        if command == wire.CHAT_ANSWER:
            self._answered(wire.read(body).get("code", 0))
        elif command == wire.LOGGED_IN:
            self._entered()

    def lost(self) -> None:
        """
        The connection broke.
        """
        self._isIn = False

    def speak(self) -> None:
        """
        Say as much as the window lets.
        """
        if not self._isIn or self.link is None:
            return
        now = monotonic()
        while len(self.outstanding) < self.window and not self.isQuiet and self.link.isOpen:
            said = self._next()
            self.outstanding.append((said, now))
            self.onSay(said)
            self._send(said)

    def _next(self) -> Said:
        self._count += 1
        where = self._random.choice(self.places)
        id = f"{self.name}.{self._count}"
        filler = "x" * self._random.randrange(self._longest + 1)
        return Said(id, self.name, where, self._count, f"{self._count} {filler}")

    def _send(self, said: Said) -> None:
        assert self.link is not None
        self.link.send(wire.chat(said.where, self.name, said.id, said.content))

    def _entered(self) -> None:
        """
        Logged in: be in the groups, say again what has no answer.
        """
        self._isIn = True
        assert self.link is not None
        for where in self.places:
            if where.group:
                self.link.send(wire.join(where.group))
        now = monotonic()
        self.outstanding = deque((said, now) for said, _ in self.outstanding)
        for said, _ in self.outstanding:
            self._send(said)
        self.speak()

    def _answered(self, code: int) -> None:
        if not self.outstanding:
            return
        said, sent = self.outstanding.popleft()
        self.answers[code] = self.answers.get(code, 0) + 1
        if code in wire.TAKEN:
            self.journal.note(said, monotonic() - sent)
        else:
            self.refused += 1
        self.onAnswer(said, code)
        self.speak()
