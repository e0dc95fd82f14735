"""
easyim's end of a lane, whatever the carrier: first a heartbeat, then all else.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from msgspec.structs import replace
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from imtw.commands import CHAT, HEARTBEAT, JOIN, LOGIN, Command, JoinGroup, Login, Reply, Status
from imtw.errors import CommandRefused
from imtw.events import Agreed, Invited
from imtw.model import Group, Mode
from imtw.outlet import Outlet
from imtw.protocols.easyim import message
from imtw.protocols.easyim.forms import EasyimForm
from imtw.protocols.easyim.message import GROUP, Kind, Msg, Packet, State, eventContent
from imtw.protocols.easyim.people import asNumber
from imtw.protocols.easyim.requests import commandOf, eventKey, groupMeant, requestOf
from imtw.protocols.easyim.tokens import TokenError, Tokens, claimsOf, numberOf
from imtw.protocols.voice import Voice
from imtw.server import Core

NOTICES, NOTICE_EVERY = 20, 1.0  # how many at once, and seconds until there may be one more
NEWS = 1000  # invitations told after a heartbeat

# An attribute of an enumeration is dear.
_SENT = Status.SENT
_OFFLINE = Status.OFFLINE

#: Why something was not done, for people.
TEXTS = {
    Status.USER_NOT_FOUND: "to_user_id 不正确",
    Status.NOT_FOUND: "找不到对应的请求或消息",
    Status.FORBIDDEN: "没有权限",
    Status.CONFLICT: "已经是好友",
    Status.TOO_MANY: "操作太频繁，请稍后再试",
    Status.BUSY: "服务器繁忙，请稍后再试",
    Status.NOT_STORED: "消息未能保存，请稍后再试",
    Status.NOT_SENT: "消息不正确",
}
NOT_DONE = "操作失败"
NO_SUCH_EVENT = "未知的事件消息"
NO_SUCH_GROUP = "找不到该群组"
UNANSWERED = (Status.INVALID, Status.LOGIN_FAILED)


class EasyimOptions(Struct, frozen=True, kw_only=True):
    """
    How easyim is spoken here.

    @ivar dropAfter: seconds without a message after which a connection ends.
    @ivar maxMessage: bytes of a message.
    @ivar plain: who types lines is served, too.
    """

    dropAfter: int = 300
    maxMessage: int = 64 * 1024
    plain: bool = False


class Idle:
    """
    Ends a connection on which nothing was said for a while.
    """

    __slots__ = ("_voice",)

    def __init__(self, voice: EasyimVoice) -> None:
        self._voice = voice

    def expired(self) -> None:
        """
        Nothing came.
        """
        self._voice.isIdle()


class EasyimVoice(Voice):
    """
    Reads and answers easyim's messages on one connection.  Before a valid
    heartbeat any other message is answered by a notice.
    """

    _log = Logger()

    def __init__(self, core: Core, options: EasyimOptions, tokens: Tokens) -> None:
        self.core = core
        self.options = options
        self._tokens = tokens
        self._token = ""  # the one that is known to be the user's
        self._number = 0
        self._name = ""  # the same as it is written
        self._entering: Packet | None = None  # the first heartbeat, while its group is still to be entered
        self._isGreeted = False
        self._notices = float(NOTICES)
        self._noticed = 0.0

    def beginEasyim(self, outlet: Outlet, form: EasyimForm, terminal: str, address: str) -> None:
        """
        The connection is there.
        """
        self.begin(outlet, form, terminal, address)
        self.core.numbers.isWanted = True
        self.session.isFed = True
        self.session.isEchoed = False
        self._idle = Idle(self)
        self.core.deadlines.set(self._idle, self.options.dropAfter)
        self.waitForLogin(max(self.core.limits.login, self.options.dropAfter))

    def end(self) -> None:
        """
        The connection is gone.
        """
        self.core.deadlines.clear(self._idle, self.options.dropAfter)
        super().end()

    def isAlive(self) -> None:
        """
        Something was said.
        """
        self.core.deadlines.set(self._idle, self.options.dropAfter)

    def isIdle(self) -> None:
        """
        Nothing was said for too long.
        """
        self.finish()

    # what is asked

    def take(self, packet: Packet) -> None:
        """
        Handle a message.
        """
        self.isAlive()
        msg = packet.msg
        if self.session.user is None:
            if eventKey(msg) == message.KEEP_ALIVE:
                self.lane.take(LOGIN.code, packet)
                self._enter()
            else:
                self.lane.refuse(packet, Status.INVALID)
            return
        command = commandOf(msg)
        if command is None:
            self.lane.refuse(packet, Status.UNKNOWN_COMMAND)
        else:
            self.lane.take(command.code, packet)

    def resume(self) -> None:
        """
        The lane takes packets again: first enter the group that the first
        heartbeat has named.
        """
        self._enter()
        if not self.lane.busy:
            super().resume()

    def _enter(self) -> None:
        if self._entering is not None and not self.lane.busy:
            packet, self._entering = self._entering, None
            self.lane.take(JOIN.code, packet)

    def read(self, command: Command, packet: Packet) -> Struct | Deferred[Struct]:
        """
        The request in a message, if its user is the one of the connection.
        """
        msg = packet.msg
        claimed = msg.from_user_id
        if command is LOGIN:
            self._checkClaim(msg.access_token, asNumber(claimed))
            return Login(token=msg.access_token)
        if claimed and claimed != self._name and asNumber(claimed) != self._number:
            raise CommandRefused(Status.INVALID)
        if command is CHAT and not msg.id:
            msg.id = str(self.core.numbers.snowflakes.next())
        if msg.access_token and msg.access_token != self._token:
            return Deferred.fromCoroutine(self._proven(command, packet))
        return self._request(command, packet)

    def _request(self, command: Command, packet: Packet) -> Struct | Deferred[Struct]:
        """
        The request in a message that is known to be its user's.
        """
        if command is JOIN:
            return Deferred.fromCoroutine(self._room(packet))
        return requestOf(command, packet, self.core.numbers)

    def _checkClaim(self, token: str, number: int | None) -> None:
        """
        Does a token say that it is this user's?  Whether that is true is
        found out later.
        """
        try:
            if number is None or numberOf(claimsOf(token)) != number:
                raise CommandRefused(Status.LOGIN_FAILED)
        except TokenError:
            raise CommandRefused(Status.LOGIN_FAILED) from None

    async def _proven(self, command: Command, packet: Packet) -> Struct:
        """
        The request in a message with a token that was not seen yet.
        """
        token, user = packet.msg.access_token, self.session.user
        if user is None or await self._tokens.reader(token) != user.id:
            raise CommandRefused(Status.INVALID)
        self._token = token
        self.forget()
        request = self._request(command, packet)
        return await request if isinstance(request, Deferred) else request

    async def _room(self, packet: Packet) -> Struct:
        """
        The group that a heartbeat has named, if it can be entered by that:
        of one that was made on purpose one is a member or not.
        """
        name = groupMeant(packet.msg)
        if name is None or self.session.isIn(name):
            raise CommandRefused(Status.NOT_JOINED)
        group: Group | None = await self.core.store.group(name)
        if group is not None and group.mode is Mode.MANAGED:
            raise CommandRefused(Status.NOT_JOINED)
        return JoinGroup(name)

    # what is answered

    def answer(self, command: Command | None, reply: Reply, packet: Packet) -> bytes:
        """
        An answer: a message that came, changed and sent back.
        """
        status = reply.status
        reply.close = False  # who was refused may try again
        if command is CHAT and (status is _SENT or status is _OFFLINE):
            return self._notice(packet, NO_SUCH_GROUP) if reply.data is None else self._echo(packet, status is _SENT)
        if command is LOGIN and status is Status.LOGGED_IN:
            return self._loggedIn(packet)
        if command is HEARTBEAT and status not in UNANSWERED:
            isBeat = packet.msg.msg_type == Kind.EVENT
            return self._acknowledge(packet) if isBeat else self._sendBack(packet, State.ARRIVED)
        if command is JOIN:
            self._feed()
        if command is JOIN and status in (Status.JOINED, Status.NOT_JOINED):
            return self._acknowledge(packet)
        if status is Status.OK:
            return self._sendBack(packet, packet.msg.status)
        return self._notice(packet, self._reason(command, status, packet.msg))

    def _reason(self, command: Command | None, status: Status | None, msg: Msg) -> str:
        """
        Why something was refused.
        """
        if command is None:
            if status is Status.UNKNOWN_COMMAND:
                return NO_SUCH_EVENT
            return message.HEARTBEAT_FIRST + ("" if msg.to_user_id == message.KEEP_ALIVE else message.HINT)
        if status in UNANSWERED:
            return message.WRONG_USER
        if command is JOIN:  # there is no reason but ours
            return TEXTS[Status.BUSY]
        return TEXTS.get(status, NOT_DONE) if status is not None else NOT_DONE

    def _loggedIn(self, packet: Packet) -> bytes:
        """
        The first heartbeat was right.
        """
        self.noMoreWaiting()
        self._token = packet.msg.access_token
        self._number = asNumber(packet.msg.from_user_id) or 0
        self._name = str(self._number)
        if groupMeant(packet.msg) is None:
            return self._acknowledge(packet)
        self._entering = packet
        if self.session.catchUp is not None:
            self.session.catchUp.isHeld = True
        return b""

    def _feed(self) -> None:
        """
        What waits may follow, if it has waited for the group that the first
        heartbeat has named.
        """
        catchUp = self.session.catchUp
        if catchUp is not None and catchUp.isHeld:
            catchUp.isHeld = False
            self.core.clock.callLater(0, catchUp.relieved)

    def _acknowledge(self, packet: Packet) -> bytes:
        """
        The acknowledgement of a heartbeat, as its client's generation knows
        it.
        """
        if not self._isGreeted:
            self._isGreeted = True
            self.core.clock.callLater(0, self._greet)
        msg = packet.msg
        isOld = msg.to_user_id == message.KEEP_ALIVE
        return self._write(
            packet,
            from_user_id=message.KEEP_ALIVE if isOld else "",
            to_user_id=msg.from_user_id or self._name,
            content=message.OLD_SUCCESS if isOld else eventContent(message.KEEP_ALIVE),
        )

    def _echo(self, packet: Packet, isOnline: bool) -> bytes:
        """
        The sender's own message, which says what became of it.
        """
        msg = packet.msg
        if msg.chat_type == GROUP:
            isOnline = self._isHeard(msg.to_user_id)
        state = State.ARRIVED if isOnline else State.SENT
        return self._sendBack(packet, state if state > msg.status else msg.status)

    def _isHeard(self, group: str) -> bool:
        """
        Is anybody else in a group here?
        """
        live = self.core.groups.get(group)
        user = self.session.user
        if live is None or user is None:
            return False
        return live.size > sum(mate.isIn(group) for mate in self.core.sessions.of(user.id))

    def _sendBack(self, packet: Packet, status: int) -> bytes:
        """
        A message as its writer knows it; nobody else does.
        """
        msg = packet.msg
        msg.access_token = ""
        msg.from_user_id = self._name
        msg.status = status
        form: Any = self.session.form
        data: bytes = form.write(msg, packet.rest)
        return data

    def _notice(self, packet: Packet, content: str) -> bytes:
        """
        Say what is wrong: as often as a client can do with that, then hang
        up.
        """
        now = self.core.clock.seconds()
        self._notices = min(NOTICES, self._notices + (now - self._noticed) / NOTICE_EVERY)
        self._noticed = now
        if self._notices < 1:
            self.core.clock.callLater(0, self.finish)
            return b""
        self._notices -= 1
        to = packet.msg.from_user_id
        return self._write(packet, from_user_id=message.NOTIFY, to_user_id=to, msg_type=Kind.NOTIFY, content=content)

    def _write(self, packet: Packet, **changes: Any) -> bytes:
        """
        A message, sent back with some fields changed, and never with its
        token.
        """
        form: Any = self.session.form
        data: bytes = form.write(replace(packet.msg, access_token="", **changes), packet.rest)
        return data

    def _greet(self) -> None:
        """
        The first heartbeat is acknowledged: tell what waits behind that.
        """
        Deferred.fromCoroutine(self._tellNews()).addErrback(self._newsFailed)

    async def _tellNews(self) -> None:
        """
        Tell of the invitations that came meanwhile, and of those that were
        agreed to.
        """
        user = self.session.user
        if user is None:
            return
        store = self.core.store
        news = await store.news(user.id, NEWS)
        if not news:
            return
        await self.core.numbers.learn([name for one in news for name in (one.user, one.friend)])
        if self.session.ended is None:
            return
        told = []
        for one in news:
            event = (Agreed if one.agreed else Invited)(one)
            if self.session.hears(event):
                self.session.tell(event)
                told.append(one)
        await store.told(told)

    def _newsFailed(self, failure: Failure) -> None:
        """
        They stay news.
        """
        self._log.warn("news not told: {why}", why=failure.getErrorMessage())
