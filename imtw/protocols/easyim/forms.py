"""
What easyim's clients are told: events as messages.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from msgspec import Struct
from zope.interface import implementer

from imtw.events import Agreed, Event, Invited, Read, Said, Whispered
from imtw.interfaces import IForm
from imtw.model import Message, Scope
from imtw.numbers import Numbers
from imtw.protocols.easyim.message import (
    FRIEND_AGREE,
    FRIEND_INVITE,
    GROUP,
    SINGLE,
    Kind,
    Msg,
    Number,
    Seq,
    State,
    eventContent,
)
from imtw.protocols.easyim.people import wireId

_GROUP = Scope.GROUP  # an attribute of an enumeration is dear
#: The common model's kinds; any other one is shown as a text.
KINDS = {"text": Kind.TEXT, "image": Kind.IMAGE, "voice": Kind.VOICE, "video": Kind.VIDEO}

Write = Callable[[Msg, bytes], bytes]
Split = Callable[[bytes], Sequence[bytes]]


class Kept(Struct):
    """
    What the common model has no field for: what C{extras} have under
    C{easyim}.  Anybody may have written it, so it is checked.
    """

    seq: Seq = 0
    status: Number = 0
    msg_type: Number | None = None
    chat_type: Number | None = None
    rest: bytes = b""


def keptIn(message: Message) -> Kept:
    """
    What was kept with a message.  It is no event: those the server alone
    tells, and no client's message was one.
    """
    extras = message.extras
    if extras is None or "easyim" not in extras:
        return _NOTHING
    try:
        kept = msgspec.convert(extras["easyim"], Kept)
    except msgspec.ValidationError:
        return _NOTHING
    return _NOTHING if kept.msg_type == Kind.EVENT else kept


_NOTHING = Kept()


def _asOne(data: bytes) -> list[bytes]:
    """
    The carrier itself says where a message ends.
    """
    return [data]


@implementer(IForm)
class EasyimForm:
    """
    easyim's messages on one carrier, in one format.

    @ivar latest: what was written last: one message.
    """

    tellsOwn = True  # to other connections: the one that speaks has its answer

    def __init__(self, numbers: Numbers, write: Write, split: Split = _asOne) -> None:
        """
        @param write: from a message, and the fields that only protobuf's
            writers know, to bytes on the carrier.
        @param split: from bytes to the messages in them.
        """
        self._numbers = numbers
        self._write = write
        self._split = split
        self._joined = self.latest = b""
        self._messages: Sequence[bytes] = ()
        self._encoders: dict[type[Event], Callable[[Any], bytes]] = {
            Said: self._message,
            Whispered: self._message,
            Read: self._read,
            Invited: self._invited,
            Agreed: self._agreed,
        }

    def write(self, msg: Msg, rest: bytes = b"") -> bytes:
        """
        A message on the carrier.

        @param rest: fields that only protobuf's writers know.
        """
        data = self.latest = self._write(msg, rest)
        return data

    def split(self, data: bytes) -> Sequence[bytes]:
        """
        The messages in bytes that were written, which may be joined.  What is
        joined goes to many: it is looked at once.
        """
        if data is not self._joined:
            self._joined, self._messages = data, self._split(data)
        return self._messages

    def withDevice(self, named: bool) -> EasyimForm:
        """
        easyim knows no devices.
        """
        return self

    def encode(self, event: Event) -> bytes:
        """
        A message; empty where easyim has none for it.
        """
        encoder = self._encoders.get(type(event))
        return b"" if encoder is None else encoder(event)

    def _message(self, event: Said | Whispered) -> bytes:
        """
        What somebody said.  The sender's own message has the status that it
        got, and never a lower one than its client gave it.
        """
        message = event.message
        status = State.ARRIVED if isinstance(event, Said) and event.own and event.reached else State.SENT
        kept = _NOTHING if message.extras is None else keptIn(message)
        known = self._numbers.known
        pair = message.pair
        sender = message.sender
        if pair.scope is _GROUP:
            to, kind = pair.a, GROUP
        else:
            partner = pair.partnerOf(sender)
            to, kind = known(partner) or partner, SINGLE
        msg = Msg(
            message.id,
            kept.seq,
            known(sender) or sender,
            to,
            kind if kept.chat_type is None else kept.chat_type,
            KINDS.get(message.kind, Kind.TEXT) if kept.msg_type is None else kept.msg_type,
            kept.status if kept.status > status else status,
            message.content or "",
        )
        return self.write(msg, kept.rest)

    def _read(self, event: Read) -> bytes:
        """
        Somebody has read the message that it names.
        """
        if event.id is None or event.to is None:
            return b""
        user, to = wireId(self._numbers, event.user), wireId(self._numbers, event.to)
        return self.write(Msg(event.id, 0, user, to, SINGLE, Kind.TEXT, State.READ))

    def _invited(self, event: Invited) -> bytes:
        content = eventContent(FRIEND_INVITE, event.invitation.id)
        user = wireId(self._numbers, event.invitation.user)
        return self.write(Msg(from_user_id=user, msg_type=Kind.EVENT, content=content))

    def _agreed(self, event: Agreed) -> bytes:
        content = eventContent(FRIEND_AGREE, event.invitation.id)
        friend = wireId(self._numbers, event.invitation.friend)
        return self.write(Msg(from_user_id=friend, msg_type=Kind.EVENT, content=content))
