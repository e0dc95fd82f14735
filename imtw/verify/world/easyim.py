"""
A client that speaks easyim: JSON over TCP, without a device.

It knows no seq, and what waits for it comes unasked.
"""

from __future__ import annotations

import re
from functools import partial
from typing import Any

from imtw.verify.wire import Conversation, decode, encode, group, pair, read
from imtw.verify.world.clients import Around, Client
from imtw.verify.world.errands import Errand
from imtw.verify.world.wires import Wire
from imtw.verify.world.words import Seen, Words

EVENT, NOTICE, GROUP, SENT, ARRIVED, READ = 4, 5, 1, 1, 2, 3
KEEP_ALIVE = '{"key":"KEEP_ALIVE"}'
FRIEND_INVITE, FRIEND_AGREE = "FRIEND_INVITE", "FRIEND_AGREE"
DONE = 200

_message = re.compile(rb'\{(?:[^"{}]|"(?:[^"\\]|\\.)*")*\}').match


class Splitter:
    """
    Cuts a stream of JSON into messages: there is nothing between them.
    """

    def __init__(self) -> None:
        self._buffer = b""

    def feed(self, data: bytes) -> list[dict[str, Any]]:
        """
        The messages that are whole now.
        """
        self._buffer += data
        said, at = [], 0
        while (found := _message(self._buffer, at)) is not None:
            at = found.end()
            said.append(read(found[0]))
        self._buffer = self._buffer[at:]
        return said


class EasyimClient(Client):
    """
    One that speaks easyim.  It comes with a token, for which it gives its
    user's password.
    """

    kind = "easyim"
    window = 1  # each comes back whole, and all have to go into the budget of who reads slowly

    def __init__(self, world: Around, user: str) -> None:
        super().__init__(world, user)
        self._number = ""
        self._isAsking = False  # for a token
        self._readers: dict[Wire, Splitter] = {}

    # the connection

    def connect(self) -> None:
        """
        Try to be connected, with a token.
        """
        if self.token:
            super().connect()
        elif not self._isAsking:
            self._isAsking = True
            self._askToken("login")

    def _askToken(self, route: str) -> None:
        password = self.world.keys.passwordOf(self.user)
        asked = {"account": self.user, "password": password, "nickname": self.user}
        done = partial(self._gotToken, route, password)
        if not Errand(done).post(self.world, f"/api/user/{route}", asked):
            done({})

    def _gotToken(self, route: str, password: str, answer: dict[str, Any]) -> None:
        """
        It has a token, or none: then there may be no such account.
        """
        if answer.get("code") == DONE:
            self._number = answer["data"]["id"]
            self._obtained(answer["data"]["access_token"], password)
            self._isAsking = False
            self.connect()
        else:
            self.world.later(self.world.chance.expovariate(2), self._askToken, route if not answer else _OTHER[route])

    def _begin(self) -> None:
        """
        The first heartbeat.
        """
        assert self._wire is not None
        self._readers[self._wire] = Splitter()
        self._stream = Splitter()
        self._secret = self.token
        self._write(id="hello", msg_type=EVENT, content=KEEP_ALIVE, access_token=self.token)

    # what it does

    def join(self, name: str) -> None:
        """
        Be in a group.
        """
        if self.isIn:
            self._write(id=f"join {name}", to_user_id=name, chat_type=GROUP, msg_type=EVENT, content=KEEP_ALIVE)

    def readAll(self, where: Conversation) -> None:
        """
        Have read what it was shown last.
        """
        last = next((one for one in reversed(self.seen) if one.where == where and one.sender != self.user), None)
        if last is not None and self.isIn:
            self._write(id=last.id, status=READ, **self._addressed(where))

    def invite(self, user: str) -> None:
        """
        Ask a user to be its user's friend.
        """
        self._event(FRIEND_INVITE, user)

    def agree(self, user: str) -> None:
        """
        Be a friend of who has asked.
        """
        self._event(FRIEND_AGREE, user)

    def _event(self, key: str, user: str) -> None:
        if self.isIn:
            self._write(id=key, to_user_id=user, msg_type=EVENT, content=f'{{"key":"{key}"}}')

    def _utter(self, words: Words) -> None:
        self._write(id=words.id, content=words.content, **self._addressed(words.where))

    def _addressed(self, where: Conversation) -> dict[str, Any]:
        return {"to_user_id": where.group, "chat_type": GROUP} if where.group else {
            "to_user_id": where.partnerOf(self.user)
        }

    def _write(self, **fields: Any) -> None:
        if self._wire is not None:
            self._wire.send(encode({"from_user_id": self._number, **fields}))

    # what it hears

    def heard(self, data: bytes) -> None:
        """
        Bytes came.
        """
        for msg in self._stream.feed(data):
            kind = msg.get("msg_type", 0)
            if kind == EVENT:
                self._happened(msg)
            elif kind == NOTICE:
                self._noticed(msg)
            elif msg.get("content"):
                self._told(msg)

    def handed(self, wire: Wire, data: bytes) -> None:
        """
        The server has sent this, and believes that it arrives.
        """
        for msg in self._readers[wire].feed(data):
            if not msg.get("msg_type") and msg.get("content"):
                sender = self._userOf(msg)
                self.sent.add((self._placeOf(sender, msg), sender, msg["id"]))
            elif msg.get("msg_type") == EVENT:
                news = decode(msg["content"]).get("data", {}).get("id")
                self.told |= set() if news is None else {int(news)}

    def _happened(self, msg: dict[str, Any]) -> None:
        """
        A heartbeat was acknowledged; or somebody has invited, or agreed.
        """
        if not self.isIn:
            self._entered(self._secret)
        record, news = self.world.record, decode(msg["content"]).get("data", {}).get("id")
        if news is not None and (self.user, int(news)) not in record.friendships.known:
            record.faults.append(f"{self.name} is told of an invitation of others")
        what, _, name = msg.get("id", "").partition(" ")
        if what == "join":
            self.joined.setdefault(name, self.world.now())
            if not record.isSettled(self.user, group(name)):
                record.faults.append(f"{self.name} is told that it is in {name}, and is not")

    def _noticed(self, msg: dict[str, Any]) -> None:
        """
        Something was refused.
        """
        words = next((words for words in self._asked if words.id == msg.get("id")), None)
        if words is not None:
            self._asked.remove(words)
            self._settled(words, False, msg["content"])
        elif not self.isIn and self._wire is not None:  # the token counts no more, or the disk fails
            self._dropToken()
            self._wire.cut()

    def _told(self, msg: dict[str, Any]) -> None:
        """
        Somebody said something: perhaps itself, here or elsewhere.
        """
        sender, status = self._userOf(msg), msg.get("status", 0)
        if status not in ((SENT, ARRIVED) if sender == self.user else (SENT,)):
            self.world.record.faults.append(f"{self.name} is shown {msg['id']} of {sender} with status {status}")
        words = next((words for words in self._asked if sender == self.user and words.id == msg["id"]), None)
        if words is not None:
            self._asked.remove(words)
            self._settled(words, True, status)
            return
        where = self._placeOf(sender, msg)
        self._show(Seen(where, 0, sender, msg["id"], msg["content"], self.connections, True))

    def _placeOf(self, sender: str, msg: dict[str, Any]) -> Conversation:
        to = msg["to_user_id"]
        return group(to) if msg.get("chat_type") == GROUP else pair(sender, self.world.record.numbers.get(to, to))

    def _userOf(self, msg: dict[str, Any]) -> str:
        """
        Who has said something: users are numbers here.
        """
        number: str = msg["from_user_id"]
        return self.world.record.numbers.get(number, number)


_OTHER = {"login": "register", "register": "login"}
