"""
The lines of easyim's first version, which its README and the client in its
examples still speak: C{nc HOST 8888} and somebody types.  Off unless the
operator wants it (C{plain=1}), and on ports of easyim's own only.

Who speaks so shows nothing, so its name here is nobody's account: such users
are in a hall of their own, hear each other and nobody else, and nothing of it
is kept.
"""

from __future__ import annotations

import re
from typing import Any

from twisted.internet.interfaces import IDelayedCall

from imtw.protocols.caller import NO_FORM
from imtw.protocols.easyim.message import Malformed
from imtw.protocols.easyim.voice import EasyimOptions
from imtw.protocols.outlet import TransportOutlet
from imtw.protocols.streamvoice import StreamVoice
from imtw.server import Core

LONGEST = 4096  # bytes of a line
LONGEST_NAME = 64  # characters
MOST = 200  # users in the hall
BURST, EVERY = 20, 0.1  # lines at once, and seconds until one more is read

RENAMED, NAME_TAKEN = "您已经更新用户名:{}\n", "当前用户名被使用\n"
BAD_FORM = '消息格式不正确，请使用 "to|张三|你好啊"格式。\n'
NOBODY = "该用户名不不存在\n"  # as the original has it
NO_TEXT = "无消息内容，请重发\n"
KICKED = "你被踢了"

_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def isLine(head: bytes) -> bool:
    """
    Are these the first bytes of somebody who types?
    """
    try:
        text = head.decode()
    except UnicodeDecodeError as error:
        if error.end < len(head) or error.reason != "unexpected end of data":
            return False
        text = head[: error.start].decode()
    return bool(text) and _CONTROLS.search(text) is None


class LineDecoder:
    """
    Cuts what is typed into lines.  A second line feed right behind the first
    belongs to the line: so the client in the examples ends private ones.
    """

    def __init__(self) -> None:
        self._data = bytearray()

    @property
    def buffered(self) -> int:
        """
        Bytes kept.
        """
        return len(self._data)

    def feed(self, data: bytes) -> None:
        """
        Some more of the stream.
        """
        self._data += data

    def next(self) -> str | None:
        """
        The next line, or L{None} if it is not all there.

        @raise Malformed: it is too long.
        """
        end = self._data.find(b"\n", 0, LONGEST)
        if end < 0:
            if len(self._data) >= LONGEST:
                raise Malformed(f"a line of more than {LONGEST} bytes")
            return None
        line = self._data[:end].removesuffix(b"\r").decode("utf-8", "replace")
        isDouble = self._data[end + 1 : end + 2] == b"\n"
        del self._data[: end + 1 + isDouble]
        return line + "\n" * isDouble


class Hall:
    """
    Who speaks so on this node, by name.
    """

    def __init__(self) -> None:
        self._users: dict[str, PlainSpeaker] = {}

    def enter(self, speaker: PlainSpeaker) -> bool:
        """
        Somebody is here now.

        @return: was there room?
        """
        if len(self._users) >= MOST:
            return False
        self._users[speaker.name] = speaker
        self.tell(f"{speaker.title}:已上线\n")
        return True

    def leave(self, speaker: PlainSpeaker) -> None:
        """
        Somebody is gone.
        """
        if self._users.get(speaker.name) is speaker:
            del self._users[speaker.name]
            self.tell(f"{speaker.title}:下线\n")

    def rename(self, speaker: PlainSpeaker, name: str) -> bool:
        """
        Somebody wants to be called so.

        @return: can that be?
        """
        if name in self._users or not 0 < len(name) <= LONGEST_NAME or not isLine(name.encode("utf-8", "replace")):
            return False
        del self._users[speaker.name]
        speaker.name = name
        self._users[name] = speaker
        return True

    def find(self, name: str) -> PlainSpeaker | None:
        """
        Who is called so.
        """
        return self._users.get(name)

    def everybody(self) -> str:
        """
        Who is here, a line each.
        """
        return "".join(f"{speaker.title}:在线...\n" for speaker in self._users.values())

    def tell(self, text: str) -> None:
        """
        Tell everybody.
        """
        data = text.encode("utf-8", "replace")
        for speaker in list(self._users.values()):
            speaker.outlet.send(data)


class PlainSpeaker(StreamVoice):
    """
    One TCP connection of somebody who types.

    @ivar name: what it is called; its address until it says something else.
    """

    def __init__(self, core: Core, options: EasyimOptions, hall: Hall) -> None:
        super().__init__()
        self.core = core
        self.name = ""
        self.decoder = LineDecoder()
        self._dropAfter = options.dropAfter
        self._hall = hall
        self._lines = float(BURST)
        self._said = 0.0
        self._pause: IDelayedCall | None = None

    @property
    def title(self) -> str:
        """
        Where it comes from, and what it is called.
        """
        return f"[{self._address}]{self.name}"

    def opened(self, outlet: TransportOutlet, address: str) -> None:
        """
        The connection is there.
        """
        self.begin(outlet, NO_FORM, "tcp", address)
        peer: Any = self.transport.getPeer()
        host = f"[{address}]" if ":" in address else address
        self._address = self.name = f"{host}:{getattr(peer, 'port', self.session.id)}"
        self.core.deadlines.set(self, self._dropAfter)
        if not self._hall.enter(self):
            self.finish()

    def end(self) -> None:
        """
        The connection is gone.
        """
        self._hall.leave(self)
        self.core.deadlines.clear(self, self._dropAfter)
        if self._pause is not None:
            self._pause.cancel()
        super().end()

    def expired(self) -> None:
        """
        Nothing was said for too long.
        """
        self._reply(KICKED)
        self.finish()

    def take(self, packet: str) -> None:
        """
        Do what a line says, and read no faster than people type.
        """
        self.core.deadlines.set(self, self._dropAfter)
        now = self.core.clock.seconds()
        self._lines = min(BURST, self._lines + (now - self._said) / EVERY) - 1
        self._said = now
        if self._lines < 1 and self._pause is None:
            self.lane.hold()
            self._pause = self.core.clock.callLater(EVERY, self._goOn)
        if packet.strip():
            self._handle(packet)

    def _goOn(self) -> None:
        self._pause = None
        self.lane.release()

    def _handle(self, line: str) -> None:
        """
        A line is a command, or said to all.
        """
        if line == "who":
            self._reply(self._hall.everybody())
        elif line.startswith("rename|") and len(line) > len("rename|"):
            name = line.split("|")[1].strip()
            self._reply(RENAMED.format(name) if self._hall.rename(self, name) else NAME_TAKEN)
        elif line.startswith("to|") and len(line) > len("to|x"):
            self._whisper(*line.split("|", 2)[1:])
        else:
            self._hall.tell(f"{self.title}:{line}\n")

    def _whisper(self, name: str, text: str | None = None) -> None:
        """
        Say something to one user.
        """
        mate = self._hall.find(name)
        if not name or text is None:
            self._reply(BAD_FORM)
        elif mate is None:
            self._reply(NOBODY)
        elif not text.strip():
            self._reply(NO_TEXT)
        else:
            mate._reply(f"{self.name}对您说:{text}")

    def _reply(self, text: str) -> None:
        self.outlet.send(text.encode("utf-8", "replace"))
