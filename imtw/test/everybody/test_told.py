"""
docs/wire/between.rst: which dialect has words for what.
"""

from __future__ import annotations

import re
from typing import Any

from msgspec import Struct
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from imtw.events import (
    Agreed,
    Edited,
    Event,
    Invited,
    Joined,
    Left,
    Presence,
    Pushed,
    Read,
    Recalled,
    Said,
    Typed,
    Whispered,
)
from imtw.interfaces import IForm
from imtw.model import Invitation, Message, Pair, User, groupPair, privatePair
from imtw.numbers import Numbers
from imtw.protocols.easyim.forms import EasyimForm
from imtw.protocols.easyim.protobuf import encodeMessage
from imtw.protocols.fastim.forms import BellForm, RoomForm
from imtw.protocols.jim.forms import TCP_FORM
from imtw.test.test_docs.pages import page, tableOf

NOTHING = "–"


class Tea(Struct):
    """
    Something of an application's.
    """

    cups: int = 2


def message(pair: Pair) -> Message:
    """
    A message of Alice's.
    """
    return Message(1, 1, 1, 1000, pair, "m1", "alice", "hello", 1000)


class ToldTests(SynchronousTestCase):
    """
    The table has all events, and says of each who is told.
    """

    def events(self) -> dict[str, Event]:
        """
        One of each, by its line in the table.
        """
        private, public = message(privatePair("alice", "bob")), message(groupPair("tea"))
        invitation = Invitation(1, "alice", "bob", "hi", False, 1000)
        return {
            "Said, privately": Said(private),
            "Said, in a group": Said(public),
            "Said, privately by oneself": Said(private, own=True),
            "Whispered": Whispered(public),
            "Recalled": Recalled(public),
            "Edited": Edited(public),
            "Read": Read("alice", "bob", None, 1, "m1"),
            "Typed": Typed("alice", "bob", None),
            "Joined": Joined("tea", User("alice", "alice")),
            "Left": Left("tea", User("alice", "alice")),
            "Presence": Presence("alice", True),
            "Invited": Invited(invitation),
            "Agreed": Agreed(invitation),
            "Pushed": Pushed(30, Tea()),
        }

    def forms(self) -> dict[str, IForm]:
        """
        The columns.
        """
        store: Any = None
        return {
            "J-IM": TCP_FORM,
            "J-IM with device": TCP_FORM.withDevice(True),
            "easyim": EasyimForm(Numbers(MemoryReactorClock(), store), encodeMessage),
            "FastIM room": RoomForm(""),
            "FastIM list": BellForm(),
        }

    def test_table(self) -> None:
        """
        A cell that is not empty is an event that this form has words for.
        """
        events = self.events()
        rows = [row for row in tableOf(page("docs/wire/between.rst"), "event") if row[0]]
        self.assertEqual([row[0] for row in rows], list(events))
        for name, *cells in rows:
            for (column, form), cell in zip(self.forms().items(), cells, strict=True):
                if column.startswith("FastIM") and name.startswith("Said, privately"):
                    continue  # its sessions take no private messages
                event = events[name]
                isOwn = isinstance(event, Said) and event.own
                told = form.encode(event) if form.tellsOwn or not isOwn else b""
                self.assertEqual(bool(told), cell != NOTHING, f"{name}: {column}")
                code = re.match(r"\d+", cell)
                if code and column.startswith("J-IM"):
                    self.assertIn(b'"command":' + code[0].encode() + b",", told, f"{name}: {column}")
