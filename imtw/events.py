"""
What sessions are told without having asked.

An event knows nothing of a wire.  A session's form makes bytes of it, once
for all sessions of that form: the bytes are kept with the event.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct
from twisted.logger import Logger

from imtw.model import Invitation, Message, User

if TYPE_CHECKING:
    from imtw.interfaces import IForm

log = Logger()


class Event:
    """
    Something that happened, on its way to many sessions.
    """

    __slots__ = ("_data", "_form", "_others")

    def __init__(self) -> None:
        self._form: IForm | None = None  # most events are told in one form: a dict takes longer to make than to fill
        self._data = b""
        self._others: dict[IForm, bytes] | None = None

    def bytesFor(self, form: IForm) -> bytes:
        """
        This event on the wire, in one form; empty where that form has no
        words for it, or fails, which is logged: those whose forms do not are
        told all the same.
        """
        if form is self._form:
            return self._data
        others = self._others
        if others is not None and form in others:
            return others[form]
        try:
            data = form.encode(self)
        except Exception:  # forms are anybody's code
            log.failure("{event} cannot be told as {form}", event=type(self).__name__, form=type(form).__name__)
            data = b""
        if self._form is None:
            self._form, self._data = form, data
        elif others is None:
            self._others = {form: data}
        else:
            others[form] = data
        return data


class Logged(Event):
    """
    A row of the log: a session that misses it can find it there.

    @ivar own: told to the sender's other sessions rather than to the
        recipient.
    @ivar reached: of an own one: the recipient was online.
    """

    __slots__ = ("message", "own", "reached")

    def __init__(self, message: Message, own: bool = False) -> None:
        self._form = self._others = None
        self.message = message
        self.own = own
        self.reached = False


class Said(Logged):
    """
    A message was stored.
    """

    __slots__ = ()


class Recalled(Logged):
    """
    A message was taken back; the row's id is the taken message's.
    """

    __slots__ = ()


class Edited(Logged):
    """
    A message says something else; the row's id is the message's.
    """

    __slots__ = ()


class Read(Event):
    """
    A user has read up to a row: of a private conversation with C{to}, or of
    a group.

    @ivar id: of the row's message, where the user has named it.
    @ivar alone: only the user's own sessions are told, and not the partner.
    """

    __slots__ = ("alone", "group", "id", "seq", "to", "user")

    def __init__(
        self, user: str, to: str | None, group: str | None, seq: int, id: str | None = None, alone: bool = False
    ) -> None:
        super().__init__()
        self.user = user
        self.to = to
        self.group = group
        self.seq = seq
        self.id = id
        self.alone = alone

    @property
    def people(self) -> set[str]:
        """
        Whose sessions are told.
        """
        return {self.user} if self.alone or self.to is None else {self.user, self.to}


class Enrolled(Event):
    """
    The user of a session that follows all its groups is in one more, or in
    one less.
    """

    __slots__ = ("group",)

    def __init__(self, group: str) -> None:
        super().__init__()
        self.group = group


class Admitted(Event):
    """
    A user was taken into a group by somebody who may do that.

    @ivar by: who did it.
    """

    __slots__ = ("by", "group", "name", "user")

    def __init__(self, user: str, group: str, name: str, by: str) -> None:
        super().__init__()
        self.user = user
        self.group = group
        self.name = name
        self.by = by


class Expelled(Event):
    """
    A user was taken out of a group: its sessions are to leave it.
    """

    __slots__ = ("group", "user")

    def __init__(self, user: str, group: str) -> None:
        super().__init__()
        self.user = user
        self.group = group


class Revoked(Event):
    """
    A user's device or token counts no more: what it opened is to end; where
    neither is named, whatever the user has opened.

    @ivar device: the device's name, or an empty text.
    @ivar token: the token's hash, or nothing.
    """

    __slots__ = ("device", "token", "user")

    def __init__(self, user: str, device: str, token: bytes) -> None:
        super().__init__()
        self.user = user
        self.device = device
        self.token = token


class Whispered(Event):
    """
    A message that nobody keeps.
    """

    __slots__ = ("message",)

    def __init__(self, message: Message) -> None:
        super().__init__()
        self.message = message


class Joined(Event):
    """
    A session of C{user} came into a group.
    """

    __slots__ = ("group", "user")

    def __init__(self, group: str, user: User) -> None:
        super().__init__()
        self.group = group
        self.user = user


class Left(Joined):
    """
    A session of C{user} went from a group.
    """

    __slots__ = ()


class Typed(Event):
    """
    Somebody is writing, to a user or to a group.
    """

    __slots__ = ("group", "to", "user")

    def __init__(self, user: str, to: str | None, group: str | None) -> None:
        super().__init__()
        self.user = user
        self.to = to
        self.group = group


class Presence(Event):
    """
    A user has come online, or has gone.
    """

    __slots__ = ("online", "user")

    def __init__(self, user: str, online: bool) -> None:
        super().__init__()
        self.user = user
        self.online = online


class Invited(Event):
    """
    Somebody wants to be somebody's friend.
    """

    __slots__ = ("invitation",)

    def __init__(self, invitation: Invitation) -> None:
        super().__init__()
        self.invitation = invitation


class Agreed(Invited):
    """
    The invited has agreed.
    """

    __slots__ = ()


class Pushed(Event):
    """
    What an application's command has to tell: any dialect shows it by rule.

    @ivar code: the application's command code.
    @ivar data: a Struct whose fields are what is told; on another node than
        the command's a dict of them.
    """

    __slots__ = ("code", "data")

    def __init__(self, code: int, data: Struct | dict[str, Any]) -> None:
        super().__init__()
        self.code = code
        self.data = data
