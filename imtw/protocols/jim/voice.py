"""
J-IM's end of a lane, whatever the carrier.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct

from imtw.commands import Chat, Command, Reply, Status
from imtw.errors import RemoteProtocolError, Unanswered
from imtw.model import Liberty
from imtw.outlet import Outlet
from imtw.protocols.jim.bodies import BadBody, ChatBody, decode
from imtw.protocols.jim.forms import JimForm
from imtw.protocols.jim.frames import Frame
from imtw.protocols.jim.replies import UNKNOWN_COMMAND, answer
from imtw.protocols.jim.requests import GROUP, PRIVATE, Unreadable, chatOf, read
from imtw.protocols.voice import Voice
from imtw.server import Core

HANDSHAKE, LOGIN, CHAT = 1, 5, 11
OUTSPOKEN = frozenset([14, 19])  # what J-IM itself answers where it cannot read a body
SILENTLY = 1  # a synSeq: do it, and say nothing
_UNKNOWN_COMMAND = Status.UNKNOWN_COMMAND  # an attribute of an enumeration is dear

#: What a strict J-IM lets anybody do (docs/wire/jim.rst, Closed holes).
LIBERTIES = Liberty.ANONYMOUS | Liberty.SPEAK_FOR_OTHERS | Liberty.CLOSE_OTHERS | Liberty.READ_OTHERS


class JimOptions(Struct, frozen=True, kw_only=True):
    """
    How J-IM is spoken here.

    @ivar strict: with the original's holes and quirks.
    @ivar suffix: what an auth echo gets behind the token.
    @ivar heartbeatTimeout: ms after which a silent connection is dropped; 0
        for never.
    """

    strict: bool = False
    suffix: str = "authKey"
    heartbeatTimeout: int = 0

    @property
    def liberties(self) -> Liberty:
        """
        What every session may do.
        """
        return LIBERTIES if self.strict else Liberty.NONE


class JimVoice(Voice):
    """
    Reads and answers on one connection.

    Until the login there is a deadline, where one is asked for.
    """

    options: JimOptions
    _heartbeat = 0.0

    def __init__(self, core: Core, options: JimOptions) -> None:
        self.core = core
        self.options = options

    def beginJim(self, outlet: Outlet, form: JimForm, terminal: str, address: str) -> None:
        """
        The connection is there.
        """
        options = self.options
        self.begin(outlet, form, terminal, address, options.liberties)
        self.session.isForgetful = options.strict
        if not options.strict:
            self.waitForLogin(self.core.limits.login)
        if options.heartbeatTimeout > 0:
            self._heartbeat = options.heartbeatTimeout / 1000
            self._beats = HeartbeatWatch(self)
            self.core.deadlines.set(self._beats, self._heartbeat)

    def end(self) -> None:
        """
        The connection is gone.
        """
        if self._heartbeat:
            self.core.deadlines.clear(self._beats, self._heartbeat)
        super().end()

    def take(self, packet: Frame) -> None:
        """
        A packet begins with its command's code.
        """
        self.lane.take(packet[0], packet)

    def read(self, command: Command, packet: Frame) -> Struct:
        """
        The request in a packet.
        """
        if command.code == HANDSHAKE and self.session.terminal == "ws":
            raise RemoteProtocolError("cmd 1 on a WebSocket: the upgrade is the handshake")
        return self._readStrictly(command, packet[2]) if self.options.strict else read(command, packet[2])

    def _readStrictly(self, command: Command, body: bytes) -> Struct:
        """
        The same, as J-IM does it: what it cannot read it does not answer,
        nor a chat of a type it does not know; one of type 0 is a private one
        (D-4); and without a C{from} it takes the nick (D-11).
        """
        try:
            if command.code != CHAT:
                return read(command, body)
            chat = decode(ChatBody, body)
        except (BadBody, Unreadable):
            if command.code in OUTSPOKEN:
                raise
            raise Unanswered from None
        if chat.chatType is not None and chat.chatType not in (GROUP, PRIVATE):
            if chat.chatType == 0:
                chat.chatType = PRIVATE
                self.take((CHAT, SILENTLY, msgspec.json.encode(chat)))
            raise Unanswered
        return self._named(chatOf(chat))

    def _named(self, chat: Chat) -> Chat:
        """
        A chat that says who speaks.
        """
        if not chat.sender and self.session.user is not None:
            chat.sender = self.session.user.nick
        return chat

    def answer(self, command: Command | None, reply: Reply, packet: Frame) -> bytes:
        """
        An answer.  One to a packet with a synSeq is kept back, but for what
        J-IM's handlers send on their own (docs/wire/jim.rst, synSeq).
        """
        session = self.session
        status = reply.status
        form: JimForm = session.form  # type: ignore[assignment]
        if command is None or status is _UNKNOWN_COMMAND:
            return form.wrap(0, UNKNOWN_COMMAND)
        code = command.code
        if code == LOGIN and status is Status.LOGGED_IN:
            self.noMoreWaiting()
            self.loggedIn()
        if packet[1] > 0 and code != HANDSHAKE and status is not Status.LOGIN_FAILED:
            return b""
        isModern = bool(session.device)
        if reply.reason or not (reply.data is None or (code == CHAT and not isModern)):
            return form.wrap(command.replyCode, answer(command, reply, isModern, self.options.suffix))
        key = (code, status, isModern)  # one of a few without data: each is made once
        data = form.bare.get(key)
        if data is None:
            data = form.bare[key] = form.wrap(command.replyCode, answer(command, reply, isModern, ""))
        return data

    def loggedIn(self) -> None:
        """
        Somebody is on this connection now.
        """


class HeartbeatWatch:
    """
    Ends a connection on which nothing went either way for a while.  It looks
    once in that while, so a silent one lives at most twice as long.
    """

    __slots__ = ("_voice",)

    def __init__(self, voice: JimVoice) -> None:
        self._voice = voice

    def expired(self) -> None:
        """
        Was there anything since the last look?
        """
        voice = self._voice
        if voice.outlet.isActive:
            voice.outlet.isActive = False
            voice.core.deadlines.set(self, voice._heartbeat)
        else:
            voice.finish()
