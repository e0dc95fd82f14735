"""
The core with its handlers, in virtual time, and people who use it.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from twisted.internet.task import Clock
from twisted.plugin import getPlugins
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

import twisted.plugins
from imtw.commands import Command, Reply, Status
from imtw.events import Admitted, Agreed, Edited, Event, Invited, Logged, Read, Recalled, Said, Typed, Whispered
from imtw.interfaces import IForm, IHandlerMaker
from imtw.limits import Limits
from imtw.model import User
from imtw.persistence.memory import MemoryStore
from imtw.server import Core
from imtw.test.people import Person

TOLD: dict[type[Event], str] = {Said: "said", Whispered: "whispered", Edited: "edited", Recalled: "recalled"}


@implementer(IForm)
class Short:
    """
    A form that tells events in a few words; with a device all of them.
    """

    def __init__(self, named: bool = False) -> None:
        self.named = self.tellsOwn = named

    def encode(self, event: Event) -> bytes:
        """
        What happened, by whom, and what it says.
        """
        if isinstance(event, Admitted) and self.named:
            return f"admitted {event.group} {event.name} {event.by}\n".encode()
        if isinstance(event, Read) and self.named:
            return f"read {event.user} {event.to or event.group} {event.seq}\n".encode()
        if isinstance(event, Invited) and self.named:
            word, one = "agreed" if isinstance(event, Agreed) else "invited", event.invitation
            return " ".join(filter(None, [word, one.user, one.friend, "" if one.agreed else one.note])).encode() + b"\n"
        if isinstance(event, Typed) and self.named:
            return f"typing {event.user} {event.to or event.group}\n".encode()
        if isinstance(event, Logged | Whispered) and (self.named or isinstance(event, Said | Whispered)):
            message = event.message
            return f"{TOLD[type(event)]} {message.sender} {message.content}\n".encode()
        return b""

    def withDevice(self, named: bool) -> Short:
        """
        The other one.
        """
        return SHORT[named]


SHORT = {named: Short(named) for named in (False, True)}


class Client(Person):
    """
    Somebody who keeps the answers.
    """

    def __init__(self, core: Core, name: str, device: str = "") -> None:
        super().__init__(core, name, device, SHORT[bool(device)])
        self.answers: list[Reply] = []

    def answer(self, command: Command | None, reply: Reply, packet: Any) -> bytes:
        """
        Keep it.
        """
        self.answers.append(reply)
        return b""


class HandlerTestCase(SynchronousTestCase):
    """
    A core with all handlers.
    """

    limits = Limits()

    def setUp(self) -> None:
        """
        Nobody is there yet.
        """
        self.clock = Clock()
        self.clock.advance(1_700_000_000)
        self.core = Core(self.clock, MemoryStore("", self.clock, self.limits), self.limits)
        maker: Any
        for maker in getPlugins(IHandlerMaker, twisted.plugins):
            if maker.dottedName.startswith("imtw."):
                self.core.registry.register(maker.make(self.core))

    def person(self, name: str, device: str = "", operator: bool = False) -> Client:
        """
        Somebody who has logged in.
        """
        self.successResultOf(self.core.store.addAccount(User(name, name, operator=operator), ""))
        person = Client(self.core, name, device)
        self.clock.advance(0)
        person.listen()
        return person

    def ask(self, person: Client, code: int, request: Struct) -> Reply:
        """
        Give a command; its answer.
        """
        person.answers.clear()
        person.lane.take(code, request)
        self.clock.advance(0)
        self.clock.advance(0)
        [reply] = person.answers
        return reply

    def status(self, person: Client, code: int, request: Struct) -> Status | None:
        """
        The status of the answer.
        """
        return self.ask(person, code, request).status

    def data(self, person: Client, code: int, request: Struct) -> Any:
        """
        The data of an answer that grants what was asked.
        """
        reply = self.ask(person, code, request)
        self.assertEqual(reply.status, Status.OK)
        return reply.data
