"""
The people of a world: users with their clients, each on a device with a name
or on one without.
"""

from __future__ import annotations

from random import Random
from typing import Any, NamedTuple, Protocol

from msgspec import Struct

from imtw.verify.wire import (
    CHAT,
    CHAT_ANSWER,
    GET_MESSAGES,
    JOINED,
    LOGGED_IN,
    LOGIN_OK,
    MESSAGES,
    RECEIVED,
    TAKEN,
    Conversation,
    FrameReader,
    chat,
    frame,
    group,
    join,
    login,
    pair,
    read,
)
from imtw.verify.world.wires import Wire

LEAVE, READ, CONVERSATIONS, RECALL, RECALLED = 100, 102, 108, 15, 16
JOIN_OK, OK = 10011, 10100


class Words(Struct):
    """
    Something that somebody says.

    @ivar saidAt: when it was sent first; C{ackedAt} when it was acknowledged.
    @ivar times: how often it was sent.
    @ivar recalledAt: when its recall was acknowledged.
    """

    sender: str
    device: str
    where: Conversation
    id: str
    content: str
    saidAt: float
    ackedAt: float | None = None
    times: int = 0
    isRefused: bool = False
    recalledAt: float | None = None
    isRecalling: bool = False


class Seen(NamedTuple):
    """
    A message as a client was shown it.

    @ivar seq: its place, where the client is told.
    @ivar isLive: pushed on its own, and not read with others.
    @ivar connection: the client's how-manieth connection.
    """

    where: Conversation
    seq: int
    sender: str
    id: str
    content: str | None
    connection: int
    isLive: bool


class Around(Protocol):
    """
    What a client needs of its world.
    """

    chance: Random

    def dial(self, client: Client) -> Wire | None:
        """
        Connect to the server, if it is there.
        """

    def now(self) -> float:
        """
        The world's time.
        """

    def later(self, seconds: float, do: Any, *args: Any) -> None:
        """
        Do something then.
        """

    def note(self, who: str, what: str) -> None:
        """
        Write something down.
        """


class Client:
    """
    One client.

    @ivar device: its name for its device, or nothing: then it is an old one.
    @ivar isKnownSince: when its first login was answered.
    @ivar joined: since when its user is known to be in a group.
    @ivar left: groups that its user has ever wanted to leave.
    @ivar ever: groups it ever asked to be in.
    @ivar seen: all it was shown, repeats too.
    @ivar outbox: what is said and not answered, the oldest first.
    @ivar unread: by conversation, what the server said last.
    """

    def __init__(self, world: Around, user: str, device: str) -> None:
        self.world = world
        self.user = user
        self.device = device
        self.name = f"{user}/{device}"
        self.isKnownSince: float | None = None
        self.joined: dict[str, float] = {}
        self.left: set[str] = set()
        self.ever: set[str] = set()
        self.seen: list[Seen] = []
        self.said: list[Words] = []
        self.outbox: list[Words] = []
        self.unread: dict[Conversation, int] = {}
        self.isIn = False
        self.connections = 0
        self.isAtRest = False  # it comes back no more by itself
        self._wire: Wire | None = None
        self._frames = FrameReader()
        self._asked: list[Words] = []  # in the order of their answers, on this connection
        self._got: dict[Conversation, int] = {}
        self._confirmed: dict[Conversation, int] = {}

    # the connection

    def connect(self) -> None:
        """
        Try to be connected.
        """
        if self._wire is not None or self.isAtRest:
            return
        self._wire = self.world.dial(self)
        if self._wire is None:
            self.world.later(0.2 + self.world.chance.expovariate(2), self.connect)
            return
        self.connections += 1
        self._frames = FrameReader()
        self._asked = []
        self._wire.send(login(self.user, self.device))

    def lost(self) -> None:
        """
        The connection is gone; come back.
        """
        if self._wire is not None:
            self.world.note(self.name, "is cut off")
            self._wire, self.isIn = None, False
            self.world.later(self.world.chance.expovariate(2), self.connect)

    def cut(self) -> None:
        """
        Break the connection.
        """
        if self._wire is not None:
            self._wire.cut()

    def stall(self, seconds: float) -> None:
        """
        Do not read for a while.
        """
        if self._wire is not None:
            self._wire.isStalled = True
            self.world.later(seconds, self._wire.unstall)

    @property
    def isContent(self) -> bool:
        """
        Has it nothing more to do?
        """
        return self.isIn and not self.outbox and self._got == self._confirmed

    # what it does

    def say(self, where: Conversation, id: str, content: str) -> None:
        """
        Say something, now or when it is possible; the same id with the same
        words until it is answered.
        """
        words = Words(self.user, self.device, where, id, content, self.world.now())
        self.said.append(words)
        self.outbox.append(words)
        self._send(words)

    def join(self, name: str) -> None:
        """
        Be in a group.
        """
        if self._wire is not None and self.isIn:
            self.ever.add(name)
            self._wire.send(join(name))

    def leave(self, name: str) -> None:
        """
        Be in a group no more.
        """
        if self._wire is not None and self.isIn:
            self._wire.send(frame(LEAVE, {"group": name}))

    def read(self, where: Conversation, seq: int) -> None:
        """
        Have read up to a row.
        """
        if self._wire is not None and self.isIn and seq:
            self._wire.send(frame(READ, {"seq": seq, **self._target(where)}))

    def recall(self, words: Words) -> None:
        """
        Take something back.
        """
        if self._wire is not None and self.isIn:
            words.isRecalling = True
            whom = {"group_id": words.where.group} if words.where.group else {"to": words.where.partnerOf(self.user)}
            self._wire.send(frame(RECALL, {"cmd": RECALL, "id": words.id, **whom}))

    def askConversations(self) -> None:
        """
        Ask how much is unread.
        """
        if self._wire is not None and self.isIn:
            self._wire.send(frame(CONVERSATIONS, {"limit": 200}))

    # what it hears

    def heard(self, data: bytes) -> None:
        """
        Bytes came.
        """
        for command, body in self._frames.feed(data):
            event = read(body)
            does = self._HEARS.get(command)
            if does is not None:
                does(self, event)

    def _loggedIn(self, event: dict[str, Any]) -> None:
        if self._wire is None:
            return
        if event["code"] != LOGIN_OK:  # the disk fails: try again
            self._wire.cut()
            return
        self.world.note(self.name, "is in")
        self.isIn = True
        if self.isKnownSince is None:
            self.isKnownSince = self.world.now()
        if not self.device:
            self._wire.send(frame(GET_MESSAGES, {"cmd": GET_MESSAGES, "type": 0, "userId": self.user}))
        for words in self.outbox:
            self._send(words)

    def _joined(self, event: dict[str, Any]) -> None:
        name = event["data"]["group"]
        if event["code"] == JOIN_OK:
            self.joined.setdefault(name, self.world.now())

    def _answered(self, event: dict[str, Any]) -> None:
        if not self._asked:
            return
        words = self._asked.pop(0)
        if event["code"] in TAKEN:
            if words.ackedAt is None:
                words.ackedAt = self.world.now()
                self.world.note(self.name, f"knows that {words.id} is stored")
        elif words.ackedAt is None:
            words.isRefused = True
            self.world.note(self.name, f"is refused {words.id}: {event['code']}")
        if words in self.outbox:
            self.outbox.remove(words)

    def _pushed(self, event: dict[str, Any]) -> None:
        self._show(event["data"], True)

    def _read(self, event: dict[str, Any]) -> None:
        found = event.get("data") or {}
        for kept in [*found.get("friends", {}).values(), *found.get("groups", {}).values()]:
            for message in kept:
                self._show(message, False)

    def _recalled(self, event: dict[str, Any]) -> None:
        data = event.get("data") or {}
        if "code" not in event:
            self._gotTo(self._placeOf(data), data["seq"])
        elif event["code"] in TAKEN:
            for words in self.said:
                if words.id == data["id"] and words.recalledAt is None:
                    words.recalledAt = self.world.now()

    def _listed(self, event: dict[str, Any]) -> None:
        for one in event["data"]["conversations"]:
            scope, a, b = one["pair"]
            self.unread[group(a) if scope == 2 else pair(a, b)] = one["unread"]

    def _show(self, data: dict[str, Any], isLive: bool) -> None:
        where = self._placeOf(data)
        seq = data.get("seq", 0)
        self.world.note(self.name, f"is shown {data['id']} of {data['from']} ({seq})")
        self.seen.append(
            Seen(where, seq, data["from"], data["id"], data.get("content"), self.connections, isLive)
        )
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
        self._wire.send(frame(RECEIVED, {"seq": seq, **self._target(where)}))

    def _send(self, words: Words) -> None:
        if self._wire is not None and self.isIn:
            self._asked.append(words)
            words.times += 1
            self._wire.send(chat(words.where, self.user, words.id, words.content))

    def _placeOf(self, data: dict[str, Any]) -> Conversation:
        return group(data["group_id"]) if data.get("group_id") else pair(data["from"], data["to"])

    def _target(self, where: Conversation) -> dict[str, str]:
        return {"group": where.group} if where.group else {"to": where.partnerOf(self.user)}

    _HEARS = {
        LOGGED_IN: _loggedIn,
        JOINED: _joined,
        CHAT: _pushed,
        CHAT_ANSWER: _answered,
        MESSAGES: _read,
        RECALLED: _recalled,
        CONVERSATIONS: _listed,
    }
