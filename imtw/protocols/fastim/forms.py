"""
What FastIM's sessions are told: messages and nothing else.
"""

from __future__ import annotations

from zope.interface import implementer

from imtw.events import Edited, Enrolled, Event, Logged, Recalled, Said, Whispered
from imtw.interfaces import IForm
from imtw.model import Message
from imtw.protocols.fastim.texts import chat
from imtw.protocols.framing import frame

END = b"\xff"  # behind a room's id, where it rings: no text has this byte


def chatOf(message: Message, realm: str) -> str:
    """
    A message of any dialect, as FastIM's clients see it.

    @param realm: what the ids begin with that they do not see.
    """
    skipped = len(realm)
    return chat(message.pair.a[skipped:], message.sender[skipped:], message.content or "", message.ts)


@implementer(IForm)
class RoomForm:
    """
    What is told in a room: what is said there, also by oneself.
    """

    tellsOwn = False

    def __init__(self, realm: str) -> None:
        self._realm = realm

    def encode(self, event: Event) -> bytes:
        """
        A message.
        """
        if isinstance(event, Said | Whispered):
            return frame(chatOf(event.message, self._realm).encode("utf-8", "replace"))
        return b""

    def withDevice(self, named: bool) -> RoomForm:
        """
        The same: FastIM knows no devices.
        """
        return self


@implementer(IForm)
class BellForm:
    """
    What a list of rooms is told: in which room something has changed.
    """

    tellsOwn = False

    def encode(self, event: Event) -> bytes:
        """
        The room's id.
        """
        if isinstance(event, Said | Recalled | Edited):
            return self._ring(event)
        return event.group.encode("utf-8", "replace") + END if isinstance(event, Enrolled) else b""

    def _ring(self, event: Logged) -> bytes:
        return event.message.pair.a.encode("utf-8", "replace") + END

    def withDevice(self, named: bool) -> BellForm:
        """
        The same.
        """
        return self
