"""
J-IM frames: version, mask, optional sequence number, command, length, body.
"""

from __future__ import annotations

import struct

from .wire import Event, Step, Wire, shown

SEQUENCE = 0x20  # mask bit: four more bytes hold a sequence number


class Jim(Wire):
    """
    Frames.
    """

    def encode(self, send: Step) -> bytes:
        """
        See L{Wire.encode}; C{hex} is bytes as they are, without a header.
        """
        body = super().encode(send)
        if "hex" in send:
            return body
        sequence = struct.pack(">i", send["seq"]) if "seq" in send else b""
        mask = int(send.get("mask", "71" if sequence else "51"), 16)
        return bytes([1, mask]) + sequence + struct.pack(">Bi", send["cmd"], len(body)) + body

    def stream(self, data: bytes) -> tuple[list[Event], bytes]:
        """
        See L{Wire.stream}.
        """
        events: list[Event] = []
        while len(data) >= 7:
            mask = data[1]
            head = 11 if mask & SEQUENCE else 7
            if len(data) < head:
                break
            command, size = struct.unpack_from(">Bi", data, head - 5)
            if len(data) < head + size:
                break
            event: Event = {"cmd": command, "mask": f"{mask:02x}"}
            if mask & SEQUENCE:
                event["seq"] = struct.unpack_from(">i", data, 2)[0]
            events.append({**event, **shown(data[head : head + size])})
            data = data[head + size :]
        return events, data
