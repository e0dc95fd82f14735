"""
easyim's protobuf: its one message, without anything that marks where it ends.
"""

from __future__ import annotations

from .wire import Event, Step, Wire, shown

NAMES = ["", "id", "seq", "from_user_id", "to_user_id", "chat_type", "msg_type", "status", "content", "access_token"]


class Protobuf(Wire):
    """
    Messages as C{{"pb": {...}}}.
    """

    opcode = 2

    def encode(self, send: Step) -> bytes:
        """
        See L{Wire.encode}.
        """
        return messageBytes(send["pb"]) if "pb" in send else super().encode(send)

    def stream(self, data: bytes) -> tuple[list[Event], bytes]:
        """
        See L{Wire.stream}.
        """
        return messages(data, isStream=True), b""

    def message(self, opcode: int, payload: bytes) -> Event:
        """
        See L{Wire.message}.
        """
        (event,) = messages(payload, isStream=False)
        return {**event, "opcode": 2} if opcode == 2 else event


def messageBytes(message: Event) -> bytes:
    """
    A message as Go writes it: fields ascending, empty texts and zeros left
    out.
    """
    out = b""
    for number, name in enumerate(NAMES):
        value = message.get(name)
        if isinstance(value, str) and value:
            data = value.encode()
            out += varint(number << 3 | 2) + varint(len(data)) + data
        elif isinstance(value, int) and value:
            out += varint(number << 3) + varint(value)
    return out


def messages(data: bytes, isStream: bool) -> list[Event]:
    """
    Bytes as easyim's messages where they are some, else as L{shown}.

    Writers go up in field numbers, so a field that does not go up starts the
    next message of a stream.
    """
    found: list[Event] = [{}]
    at = last = 0

    def number() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at, value, shift = at + 1, value | (byte & 127) << shift, shift + 7
            if byte < 128:
                return value

    try:
        while at < len(data):
            field, kind = divmod(number(), 8)
            if not NAMES[field] or kind not in (0, 2):
                raise ValueError
            if isStream and field <= last:
                found.append({})
            last, value = field, number()
            if kind == 0:
                found[-1][NAMES[field]] = value - (1 << 64) if value >= 1 << 63 else value
                continue
            if at + value > len(data):
                raise ValueError
            found[-1][NAMES[field]] = data[at : at + value].decode()
            at += value
    except (IndexError, ValueError):
        return [shown(data)]
    return [{"pb": message} for message in found]


def varint(number: int) -> bytes:
    """
    A number as a varint; a negative one takes ten bytes.
    """
    number &= (1 << 64) - 1
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes(out) + bytes([number])
