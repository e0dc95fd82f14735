"""
The people of a world: users with their clients, each on a device with a name
or on one without.
"""

from __future__ import annotations

from collections import deque
from itertools import chain
from random import Random
from typing import Any, Protocol

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
    login,
    pair,
    read,
)
from imtw.verify.world.asking import CONVERSATIONS, CREATE, EDIT, RECALLED, SYNC, Asker
from imtw.verify.world.record import Record
from imtw.verify.world.wires import Wire
from imtw.verify.world.words import Seen, Words

WINDOW = 5  # of what is said again, so many at once
JOIN_OK, PENDING, OK = 10011, 10016, 10100


class Around(Protocol):
    """
    What a client needs of its world.
    """

    chance: Random
    record: Record

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


class Client(Asker):
    """
    One client.

    @ivar device: its name for its device, or nothing: then it is an old one.
    @ivar isKnownSince: when its first login was answered.
    @ivar joined: since when its user is known to be in a group.
    @ivar seen: all it was shown, repeats too.
    @ivar sent: by where, sender and id, the messages that the server has sent
        to it, whether they arrived or not: for a client that names no device.
    @ivar missed: how long the logs were when it was last cut for not reading.
    @ivar amended: the recalls and edits it was told of.
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
        self.sent: set[tuple[Conversation, str, str]] = set()
        self.amended: set[tuple[Conversation, int]] = set()
        self.seen: list[Seen] = []
        self.said: list[Words] = []
        self.outbox: list[Words] = []
        self.unread: dict[Conversation, int] = {}
        self.missed: dict[Conversation, int] = {}
        self.connections = 0
        self.isAtRest = False  # it comes back no more by itself
        self._frames = FrameReader()
        self._sent = FrameReader()
        self._isBehind = False  # it wants to know what waits
        self._syncs: list[tuple[Conversation, int]] = []  # the same
        self._again: deque[Words] = deque()  # to be said on this connection, too
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
        self._sent = FrameReader()
        self._again.clear()
        self._asked = []
        self._syncs = []
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
        isReading = self._wire is not None and not self._wire.isStalled and self._wire.isQuiet
        return self.isIn and isReading and not self.outbox and not self._isBehind and self._got == self._confirmed

    # what it does

    def say(self, where: Conversation, id: str, content: str) -> None:
        """
        Say something, now or when it is possible; the same id with the same
        words until it is answered.
        """
        words = Words(self.user, self.device, where, id, content, self.world.now())
        self.said.append(words)
        self.outbox.append(words)
        if self._again:
            self._again.append(words)
        else:
            self._send(words)

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

    def handed(self, data: bytes) -> None:
        """
        The server has sent this, and believes that it arrives.
        """
        if self.device:
            return
        for command, body in self._sent.feed(data):
            event = read(body).get("data") or {}
            if command == CHAT:
                self._note(event)
            elif command == MESSAGES and event:
                for kept in [*event["friends"].values(), *event["groups"].values()]:
                    for message in kept:
                        self._note(message)

    def evicted(self) -> None:
        """
        It did not read: what was committed so far may be under what it
        missed.
        """
        self.world.note(self.name, "did not read and is cut")
        self.missed = {where: len(rows) for where, rows in self.world.record.rows.items()}

    def _note(self, message: dict[str, Any]) -> None:
        self.sent.add((self._placeOf(message), message["from"], message["id"]))

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
            self._askPending(self.connections)
        self._again = deque(self.outbox)
        self._goOn()

    def _goOn(self) -> None:
        """
        Say again what was not answered, a few at once.
        """
        while self._again and len(self._asked) < WINDOW:
            self._send(self._again.popleft())

    def _askPending(self, connection: int) -> None:
        """
        Ask for what waits for the user's devices without a name.
        """
        if self._wire is not None and self.isIn and connection == self.connections:
            self._isBehind = True
            self._wire.send(frame(GET_MESSAGES, {"cmd": GET_MESSAGES, "type": 0, "userId": self.user}))

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
                if not self.world.record.holds(words.where, words.sender, words.id):
                    self.world.record.faults.append(f"{words.id} was acknowledged and is not committed")
                self.world.note(self.name, f"knows that {words.id} is stored")
        elif words.ackedAt is None:
            words.isRefused = True
            self.world.note(self.name, f"is refused {words.id}: {event['code']}")
        if words in self.outbox:
            self.outbox.remove(words)
        self._goOn()

    def _pushed(self, event: dict[str, Any]) -> None:
        self._show(event["data"], True)

    def _read(self, event: dict[str, Any]) -> None:
        if event["code"] != PENDING:  # the disk fails: ask again
            self.world.later(0.5, self._askPending, self.connections)
            return
        found = event.get("data") or {}
        kept = [*found.get("friends", {}).values(), *found.get("groups", {}).values()]
        for message in chain(*kept):
            self._show(message, False)
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

    def _show(self, data: dict[str, Any], isLive: bool) -> None:
        where = self._placeOf(data)
        seq = data.get("seq", 0)
        self.world.note(self.name, f"is shown {data['id']} of {data['from']} ({seq})")
        self.seen.append(
            Seen(where, seq, data["from"], data["id"], data.get("content"), self.connections, isLive)
        )
        if seq and isLive and not self.world.record.mayBeShown(self.user, where, seq):
            self.world.record.faults.append(f"{self.name} was shown row {seq} of {where}, which is not for it")
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

    _HEARS = {
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
    }
