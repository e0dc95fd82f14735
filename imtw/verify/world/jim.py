"""
A client that speaks J-IM, on a device with a name or on one without.
"""

from __future__ import annotations

from itertools import chain
from typing import Any, ClassVar

from imtw.verify.wire import (
    CHAT,
    CHAT_ANSWER,
    GET_MESSAGES,
    JOINED,
    LOGGED_IN,
    LOGIN,
    LOGIN_OK,
    MESSAGES,
    RECEIVED,
    TAKEN,
    Conversation,
    group,
    pair,
)
from imtw.verify.world.asking import (
    CONVERSATIONS,
    CREATE,
    EDIT,
    FRIEND_AGREE,
    FRIEND_INVITE,
    FRIENDS,
    PRESENCE,
    RECALLED,
    SYNC,
    TOKEN,
    Asker,
)
from imtw.verify.world.carriers import Carrier, Socket, Stream
from imtw.verify.world.clients import Around
from imtw.verify.world.wires import Wire
from imtw.verify.world.words import Seen, Words

JOIN_OK, PENDING, OK = 10011, 10016, 10100


class JimClient(Asker):
    """
    One that speaks J-IM.

    @ivar isOnSocket: over WebSocket rather than TCP.
    @ivar friends: its user's, as the server said last; or L{None}.
    @ivar online: who is there of those whom it watches on this connection,
        as far as it was told.
    """

    def __init__(self, world: Around, user: str, device: str, isOnSocket: bool = False) -> None:
        self.kind = " (ws)" if isOnSocket else ""
        super().__init__(world, user, device)
        self.isOnSocket = isOnSocket
        self.friends: set[str] | None = None
        self.online: dict[str, bool] = {}
        self._readers: dict[Wire, Carrier] = {}
        self._isBehind = False  # it wants to know what waits
        self._got: dict[Conversation, int] = {}
        self._confirmed: dict[Conversation, int] = {}

    @property
    def isContent(self) -> bool:
        """
        Has it nothing more to do?
        """
        return super().isContent and not self._isBehind and self._got == self._confirmed

    def _begin(self) -> None:
        """
        Log in.
        """
        assert self._wire is not None
        self._carrier = Socket(self.world.chance) if self.isOnSocket else Stream()
        self._readers[self._wire] = self._carrier.reader()
        self._syncs, self._watched = [], []
        self.online.clear()
        word = "token" if self.token else "password"
        self._secret = self.token or self.world.keys.passwordOf(self.user)
        body = {"cmd": LOGIN, "loginname": self.user, word: self._secret}
        if self.device:
            body["device"] = self.device
        self._wire.send(self._carrier.greeting() + self._carrier.say(LOGIN, body))

    def _utter(self, words: Words) -> None:
        where = words.where.addressed(self.user)
        self._tell(CHAT, **where, msgType=0, id=words.id, content=words.content, **{"from": self.user})

    # what it hears

    def heard(self, data: bytes) -> None:
        """
        Bytes came.
        """
        for command, event in self._carrier.feed(data):
            does = self._HEARS.get(command)
            if does is not None:
                does(self, event)
        if self._carrier.isOver and self._wire is not None:
            self.isIn = False
            self._wire.send(self._carrier.goodbye())

    def handed(self, wire: Wire, data: bytes) -> None:
        """
        The server has sent this, and believes that it arrives.
        """
        if self.device:
            return
        for command, event in self._readers[wire].feed(data):
            told = event.get("data") or {}
            if command == CHAT:
                self._note(told)
            elif command == MESSAGES and told:
                for message in chain(*told["friends"].values(), *told["groups"].values()):
                    self._note(message)

    def _note(self, message: dict[str, Any]) -> None:
        self.sent.add((self._placeOf(message), message["from"], message["id"]))

    def _loggedIn(self, event: dict[str, Any]) -> None:
        if self._wire is None:
            return
        if event["code"] != LOGIN_OK:  # the disk fails, or what it came by counts no more: try again
            self._dropToken()
            self._wire.cut()
            return
        self._entered(self._secret)
        if not self.device:
            self._askPending(self.connections)

    def _askPending(self, connection: int) -> None:
        """
        Ask for what waits for the user's devices without a name.
        """
        if self._wire is not None and self.isIn and connection == self.connections:
            self._isBehind = True
            self._tell(GET_MESSAGES, type=0, userId=self.user)

    def _joined(self, event: dict[str, Any]) -> None:
        if event["code"] == JOIN_OK:
            self.joined.setdefault(event["data"]["group"], self.world.now())

    def _answered(self, event: dict[str, Any]) -> None:
        if self._asked:
            self._settled(self._asked.pop(0), event["code"] in TAKEN, event["code"])

    def _pushed(self, event: dict[str, Any]) -> None:
        self._shown(event["data"], True)

    def _read(self, event: dict[str, Any]) -> None:
        if event["code"] != PENDING:  # the disk fails: ask again
            self.world.later(0.5, self._askPending, self.connections)
            return
        found = event.get("data") or {}
        kept = [*found.get("friends", {}).values(), *found.get("groups", {}).values()]
        for message in chain(*kept):
            self._shown(message, False)
        self._isBehind = bool(kept)
        if kept:  # one answer may not be all
            self._askPending(self.connections)

    def _recalled(self, event: dict[str, Any]) -> None:
        data = event.get("data") or {}
        if "code" not in event:
            self._amended(event)
        elif event["code"] in TAKEN:
            for words in self.said:
                if words.id == data["id"] and words.recalledAt is None:
                    words.recalledAt = self.world.now()

    def _amended(self, event: dict[str, Any]) -> None:
        """
        A recall or an edit was pushed.
        """
        if "code" not in event:
            where, seq = self._placeOf(event["data"]), event["data"]["seq"]
            self.amended.add((where, seq))
            self._gotTo(where, seq)

    def _issued(self, event: dict[str, Any]) -> None:
        if event["code"] == OK:
            self._obtained(event["data"]["token"], self._secret)

    def _created(self, event: dict[str, Any]) -> None:
        if event["code"] == OK:
            self.joined.setdefault(event["data"]["group"], self.world.now())

    def _synced(self, event: dict[str, Any]) -> None:
        """
        Every row that was committed is there, from where it was asked for
        up to where it is said to end.
        """
        where, after = self._syncs.pop(0)
        if event["code"] != OK:
            return
        data = event["data"]
        seqs = [row["seq"] for row in data["messages"]]
        reached = after + len(seqs)
        isRight = {
            "complete": data["head"] == reached,
            "gap": reached < data["head"] and data.get("start") == reached + 1,
            "reset": data["head"] < after and not seqs,
        }
        if seqs != list(range(after + 1, reached + 1)) or not isRight[data["state"]]:
            state = data["state"]
            self.world.record.faults.append(f"{self.name} asked for {where} after {after} and got {seqs}: {state}")
        for row in data["messages"]:
            if not self.world.record.isRow(where, row["seq"], row["sender"], row["id"]):
                self.world.record.faults.append(f"{self.name} synced row {row['seq']} of {where}, which is another one")

    def _listed(self, event: dict[str, Any]) -> None:
        for one in event["data"]["conversations"]:
            scope, a, b = one["pair"]
            self.unread[group(a) if scope == 2 else pair(a, b)] = one["unread"]

    def _newsTold(self, event: dict[str, Any]) -> None:
        """
        It was invited, or somebody has agreed; or an answer to such a wish.
        """
        record = self.world.record
        if "code" not in event and (self.user, event["data"]["id"]) not in record.friendships.known:
            record.faults.append(f"{self.name} is told of an invitation of others")

    def _befriended(self, event: dict[str, Any]) -> None:
        if event["code"] == OK:
            self.friends = {one["user"]["id"] for one in event["data"]["friends"]}

    def _present(self, event: dict[str, Any]) -> None:
        """
        Who is there, and later who has come or gone.
        """
        if "code" not in event:
            self.online[event["data"]["user"]] = event["data"]["online"]
            return
        asked = self._watched.pop(0)
        if event["code"] == OK:
            self.online |= {user: user in event["data"]["online"] for user in asked}

    def _shown(self, data: dict[str, Any], isLive: bool) -> None:
        where, seq = self._placeOf(data), data.get("seq", 0)
        self._show(Seen(where, seq, data["from"], data["id"], data.get("content"), self.connections, isLive))
        self._gotTo(where, seq)

    def _gotTo(self, where: Conversation, seq: int) -> None:
        """
        Confirm what came, a while later.
        """
        if not self.device or seq <= self._got.get(where, 0):
            return
        self._got[where] = seq
        self.world.later(self.world.chance.expovariate(2), self._confirm, where)

    def _confirm(self, where: Conversation) -> None:
        seq = self._got[where]
        if seq <= self._confirmed.get(where, 0):
            return
        if self._wire is None or not self.isIn:
            self.world.later(1, self._confirm, where)
            return
        self._confirmed[where] = seq
        self._ask(RECEIVED, where, seq=seq)

    def _placeOf(self, data: dict[str, Any]) -> Conversation:
        return group(data["group_id"]) if data.get("group_id") else pair(data["from"], data["to"])

    _HEARS: ClassVar[dict[int, Any]] = {
        LOGGED_IN: _loggedIn,
        JOINED: _joined,
        CHAT: _pushed,
        CHAT_ANSWER: _answered,
        MESSAGES: _read,
        RECALLED: _recalled,
        CONVERSATIONS: _listed,
        EDIT: _amended,
        CREATE: _created,
        SYNC: _synced,
        TOKEN: _issued,
        FRIEND_INVITE: _newsTold,
        FRIEND_AGREE: _newsTold,
        FRIENDS: _befriended,
        PRESENCE: _present,
    }
