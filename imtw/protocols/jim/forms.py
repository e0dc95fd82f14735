"""
What J-IM's clients are told: events as pushes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from zope.interface import implementer

from imtw.commands import Status
from imtw.events import (
    Admitted,
    Agreed,
    Edited,
    Event,
    Invited,
    Joined,
    Left,
    Logged,
    Presence,
    Pushed,
    Read,
    Recalled,
    Said,
    Typed,
    Whispered,
)
from imtw.interfaces import IForm
from imtw.protocols.framing import frame
from imtw.protocols.jim.answers import NoticeOut, UserOut, encodeChatPush, envelope
from imtw.protocols.jim.frames import encodeFrame
from imtw.protocols.jim.replies import chatOut

JOINED, LEFT, CHAT, RECALLED = 9, 10, 11, 16
READ, TYPING, INVITED, AGREED, EDITED, PRESENCE, ADMITTED = 102, 104, 105, 106, 110, 116, 121

Wrap = Callable[[int, bytes], bytes]


def overWebSocket(command: int, body: bytes) -> bytes:
    """
    A push in a text message.
    """
    return frame(body)


@implementer(IForm)
class JimForm:
    """
    J-IM's pushes on one carrier.

    @ivar modern: for clients that name a device: they are told the seq of a
        message, of recalls and edits, of typing and reading, of invitations, and what their user's other devices
        say.  The others see what J-IM would have shown them and no more.
    @ivar bare: answers that hold nothing but their status, by command,
        status and whether the client names a device.
    """

    def __init__(self, wrap: Wrap, modern: bool = False, other: JimForm | None = None) -> None:
        self.wrap = wrap
        self.modern = self.tellsOwn = modern
        self.bare: dict[tuple[int, Status | None, bool], bytes] = {}
        self._other = other or JimForm(wrap, not modern, self)
        self._encoders: dict[type[Event], Callable[[Any], bytes]] = {
            Said: self._said,
            Whispered: self._whispered,
            Joined: self._joined,
            Left: self._left,
            Pushed: self._pushed,
        }
        if modern:
            self._encoders[Recalled] = self._recalled
            self._encoders[Edited] = self._edited
            self._encoders[Read] = self._read
            self._encoders[Typed] = self._typed
            self._encoders[Presence] = self._presence
            self._encoders[Admitted] = self._admitted
            self._encoders[Invited] = self._invited
            self._encoders[Agreed] = self._agreed

    def withDevice(self, named: bool) -> JimForm:
        """
        The same, for a client that names a device or does not.
        """
        return self if named == self.modern else self._other

    def encode(self, event: Event) -> bytes:
        """
        A push; empty where such a client is not told.
        """
        encoder = self._encoders.get(type(event))
        return b"" if encoder is None else encoder(event)

    def _said(self, event: Said) -> bytes:
        return self.wrap(CHAT, encodeChatPush(chatOut(event.message, self.modern)))

    def _whispered(self, event: Whispered) -> bytes:
        return self.wrap(CHAT, encodeChatPush(chatOut(event.message)))

    def _joined(self, event: Joined) -> bytes:
        return self._notice(JOINED, event)

    def _left(self, event: Left) -> bytes:
        return self._notice(LEFT, event)

    def _notice(self, command: int, event: Joined) -> bytes:
        user = UserOut(id=event.user.id, nick=event.user.nick)
        return self.wrap(command, envelope(command, data=NoticeOut(event.group, user)))

    def _recalled(self, event: Recalled) -> bytes:
        return self.wrap(RECALLED, envelope(RECALLED, data=self._amendment(event)))

    def _edited(self, event: Edited) -> bytes:
        told = {"content": event.message.content, **self._amendment(event)}
        return self.wrap(EDITED, envelope(EDITED, data=told))

    def _amendment(self, event: Logged) -> dict[str, Any]:
        out = chatOut(event.message, True)
        return {
            "createTime": out.createTime,
            "from": out.sender,
            "group_id": out.group_id,
            "id": out.id,
            "seq": out.seq,
            "to": out.to,
        }

    def _read(self, event: Read) -> bytes:
        told = {"from": event.user, "group": event.group, "seq": event.seq, "to": event.to}
        return self.wrap(READ, envelope(READ, data=told))

    def _typed(self, event: Typed) -> bytes:
        told = {"from": event.user, "group": event.group, "to": event.to}
        return self.wrap(TYPING, envelope(TYPING, data=told))

    def _presence(self, event: Presence) -> bytes:
        return self.wrap(PRESENCE, envelope(PRESENCE, data={"online": event.online, "user": event.user}))

    def _admitted(self, event: Admitted) -> bytes:
        told = {"from": event.by, "group": event.group, "name": event.name}
        return self.wrap(ADMITTED, envelope(ADMITTED, data=told))

    def _invited(self, event: Invited) -> bytes:
        one = event.invitation
        told = {"id": one.id, "note": one.note, "user": one.user}
        return self.wrap(INVITED, envelope(INVITED, data=told))

    def _agreed(self, event: Agreed) -> bytes:
        one = event.invitation
        return self.wrap(AGREED, envelope(AGREED, data={"id": one.id, "user": one.friend}))

    def _pushed(self, event: Pushed) -> bytes:
        told = msgspec.to_builtins(event.data, order="sorted")
        return self.wrap(event.code, envelope(event.code, data=told))


TCP_FORM = JimForm(encodeFrame)
WEBSOCKET_FORM = JimForm(overWebSocket)
