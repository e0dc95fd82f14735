"""
What travels on a connection: a wire turns a C{send} step into bytes and arriving bytes into events.

L{Wire} carries texts; the others build on it.
"""

from __future__ import annotations

import json
from typing import Any

Event = dict[str, Any]
Step = dict[str, Any]


def shown(data: bytes, exact: bool = False) -> Event:
    """
    Bytes as C{{"json": ...}} where they are JSON, unless they are compared
    exactly, else C{{"text": ...}}, else C{{"hex": ...}}.
    """
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return {"hex": data.hex()}
    if exact:
        return {"text": text}
    try:
        return {"json": json.loads(text)}
    except ValueError:
        return {"text": text}


class Wire:
    """
    Texts, JSON where they are.

    @ivar exact: texts stay texts, so that blanks, the order of keys and
        escapes count.
    """

    def __init__(self, exact: bool = False) -> None:
        self.exact = exact

    opcode = 1  # of the WebSocket messages sent

    def encode(self, send: Step) -> bytes:
        """
        The bytes of one C{send} step: its C{hex}, C{text} or C{json}.
        """
        if "hex" in send:
            return bytes.fromhex(send["hex"])
        if "text" in send:
            return str(send["text"]).encode()
        return json.dumps(send.get("json", {}), ensure_ascii=False, separators=(",", ":")).encode()

    def stream(self, data: bytes) -> tuple[list[Event], bytes]:
        """
        The events in what a TCP connection has brought so far, and what is
        left for later.  One read may hold several JSON texts.
        """
        found: list[Event] = []
        at, reader = 0, json.JSONDecoder()
        try:
            text = data.decode()
            while not self.exact and at < len(text):
                value, at = reader.raw_decode(text, at)
                found.append({"json": value})
                while text[at : at + 1].isspace():
                    at += 1
        except ValueError:
            found = []
        return found or [shown(data, self.exact)], b""

    def message(self, opcode: int, payload: bytes) -> Event:
        """
        The event that one WebSocket message is.
        """
        return {"hex": payload.hex()} if opcode == 2 else shown(payload, self.exact)

    def together(self, events: list[Event]) -> list[Event]:
        """
        The events of one step, once it is over.
        """
        return events


class Bytes(Wire):
    """
    All bytes of a step as one hex text.
    """

    def stream(self, data: bytes) -> tuple[list[Event], bytes]:
        """
        See L{Wire.stream}.
        """
        return [{"bytes": data.hex()}], b""

    def together(self, events: list[Event]) -> list[Event]:
        """
        See L{Wire.together}.
        """
        joined = "".join(event.get("bytes", "") for event in events)
        return ([{"bytes": joined}] if joined else []) + [event for event in events if "bytes" not in event]
