"""
People without a wire, for tests of the core in virtual time.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from twisted.internet.defer import Deferred
from zope.interface import implementer

from imtw.commands import CHAT, Chat, Command, Reply, Status
from imtw.events import Event, Joined, Left, Said, Whispered
from imtw.interfaces import IForm
from imtw.lanes import Lane
from imtw.model import User
from imtw.outlet import Outlet
from imtw.server import Core
from imtw.sessions import Session


@implementer(IForm)
class Words:
    """
    A form in which an event is its words.

    @ivar notices: whether it tells who comes and goes.
    """

    tellsOwn = False

    def __init__(self, notices: bool = False) -> None:
        self.notices = notices

    def encode(self, event: Event) -> bytes:
        """
        Messages only, and of other people, as J-IM has it.
        """
        if isinstance(event, Joined):
            return f"{'-' if isinstance(event, Left) else '+'}{event.user.id}\n".encode() if self.notices else b""
        if not isinstance(event, Said | Whispered):
            return b""
        return f"{event.message.content}\n".encode()

    def withDevice(self, named: bool) -> Words:
        """
        The same.
        """
        return self


WORDS = Words()


class Person(Outlet):
    """
    A client without a wire: the outlet of its session and the voice of its
    lane.

    @ivar heard: what it was told, and how it was answered, in order.
    """

    dialect = ""

    def __init__(self, core: Core, name: str, device: str = "", form: IForm = WORDS) -> None:
        self.heard: list[Any] = []
        self.level = 0
        self.isFinished = False
        self.session: Session = core.newSession(self, form, "tcp", "192.0.2.1")
        self.session.nameDevice(device)
        self.lane = Lane(core.dispatcher, self.session, self)
        entered = Deferred.fromCoroutine(core.attendance.enter(self.session, User(name, name)))
        assert entered.called

    # the outlet

    def send(self, data: bytes) -> None:
        """
        Something is told.
        """
        self.heard += data.decode().splitlines()

    def close(self) -> None:
        """
        It is closed.
        """
        self.isFinished = True

    # the voice

    def read(self, command: Command, packet: Struct) -> Struct:
        """
        A packet is the request itself.
        """
        return packet

    def answer(self, command: Command | None, reply: Reply, packet: Any) -> bytes:
        """
        An answer is its status.
        """
        return f"{Status(reply.status).name}\n".encode() if reply.status else b""

    def resume(self) -> None:
        """
        Nothing waits here.
        """

    def goAway(self) -> None:
        """
        The server goes.
        """

    def settled(self, packet: Any, answer: bytes) -> None:
        """
        It is asked each time.
        """

    def finish(self) -> None:
        """
        It is closed.
        """
        self.isFinished = True

    # the person

    def say(self, content: str | None, to: str | None = "bob", **more: Any) -> None:
        """
        Send a message.
        """
        self.lane.take(CHAT.code, Chat(to, content=content, **more))

    def listen(self) -> list[Any]:
        """
        What was heard since the last time.
        """
        heard, self.heard = self.heard, []
        return heard
