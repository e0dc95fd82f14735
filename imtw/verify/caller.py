"""
A client that asks one thing after the other, and waits.
"""

from __future__ import annotations

import socket
from collections import deque
from time import monotonic
from typing import Any

from imtw.verify import wire
from imtw.verify.crowd import PATIENCE, Address
from imtw.verify.wire import Conversation, FrameReader

PAGE = 1000  # messages asked for at once


class NoAnswer(Exception):
    """
    The server did not say what was waited for.
    """


class Caller:
    """
    One user on one connection.  Use it in a C{with} statement.
    """

    def __init__(self, address: Address, name: str = "", device: str = "", patience: float = PATIENCE) -> None:
        """
        Connect, and log in if there is a name.

        @raise OSError: nobody is there.
        @raise NoAnswer: the login was refused.
        """
        self.name = name
        self._patience = patience
        self._reader = FrameReader()
        self._frames: deque[tuple[int, bytes]] = deque()
        self.socket = socket.create_connection(address, patience)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if name:
            try:
                answer = self.ask(wire.login(name, device), wire.LOGGED_IN)
                if answer.get("code") != wire.LOGIN_OK:
                    raise NoAnswer(f"login of {name}: {answer}")
            except (OSError, NoAnswer):
                self.socket.close()
                raise

    def __enter__(self) -> Caller:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        """
        Send bytes.
        """
        self.socket.sendall(data)

    def hear(self, command: int, patience: float | None = None) -> bytes:
        """
        The body of the next frame of one kind; others are passed over.

        @raise NoAnswer: there is none.
        """
        end = monotonic() + (self._patience if patience is None else patience)
        while True:
            found, body = self.next(end - monotonic())
            if found == command:
                return body

    def next(self, patience: float | None = None) -> tuple[int, bytes]:
        """
        The next frame: command and body.

        @raise NoAnswer: there is none.
        """
        end = monotonic() + (self._patience if patience is None else patience)
        while not self._frames:
            left = end - monotonic()
            if left <= 0:
                raise NoAnswer("no frame in time")
            self.socket.settimeout(left)
            try:
                data = self.socket.recv(262144)
            except TimeoutError:
                continue
            if not data:
                raise NoAnswer("the server hung up")
            self._frames += self._reader.feed(data)
        return self._frames.popleft()

    def ask(self, data: bytes, command: int) -> dict[str, Any]:
        """
        Send something, and the answer.
        """
        self.send(data)
        return wire.read(self.hear(command))

    def join(self, group: str) -> None:
        """
        Be in a group.
        """
        self.ask(wire.join(group), wire.JOINED)

    def chat(self, where: Conversation, id: str, content: str) -> dict[str, Any]:
        """
        Say something; the answer.
        """
        return self.ask(wire.chat(where, self.name, id, content), wire.CHAT_ANSWER)

    def history(self, where: Conversation, offset: int = 0) -> list[dict[str, Any]]:
        """
        A conversation from a place on, page by page.

        @raise NoAnswer: it is refused.
        """
        found: list[dict[str, Any]] = []
        while True:
            page = self.page(where, offset + len(found))
            found += page
            if not page:
                return found

    def page(self, where: Conversation, offset: int) -> list[dict[str, Any]]:
        """
        One page.
        """
        body = {"cmd": 19, "type": 1, **where.asked(self.name), "offset": offset, "count": PAGE}
        answer = self.ask(wire.frame(wire.GET_MESSAGES, body), wire.MESSAGES)
        if answer.get("code") != wire.HISTORY_OK:
            raise NoAnswer(f"history of {where}: {answer}")
        data = answer.get("data") or {}
        shelf = (data.get("groups") or {}) if where.group else (data.get("friends") or {})
        return [message for messages in shelf.values() for message in messages]
