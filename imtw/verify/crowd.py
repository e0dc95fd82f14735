"""
Many client connections in one thread, on nothing but C{selectors}: the
clients share no code with the server, nor its reactor.
"""

from __future__ import annotations

import select
import selectors
import socket
from collections.abc import Callable
from time import monotonic

from imtw.verify.wire import FrameReader

Address = tuple[str, int]

PATIENCE = 10.0  # seconds for a connection to be made
CHUNK = 262144  # bytes read at once
HUNG_UP = getattr(select, "POLLRDHUP", 0) | select.POLLHUP | select.POLLERR
RESET = b"\x01\0\0\0\0\0\0\0"  # struct linger: on, for 0 s


class Link:
    """
    One client connection.  A subclass says what to do with what comes.

    @ivar sent: bytes that the socket took.
    @ivar heardBytes: bytes that came.
    """

    def __init__(
        self, crowd: Crowd, address: Address, receiveBuffer: int = 0, source: str = "", waits: bool = True
    ) -> None:
        """
        Connect.

        @param receiveBuffer: bytes that the socket may hold for us, 0 for the
            system's own choice.
        @param source: the address to come from, empty for the system's own
            choice.
        @param waits: be connected when this is done; otherwise what is sent
            goes out once that is so.
        @raise OSError: nobody is there.
        """
        self.crowd = crowd
        self.sent = 0
        self.heardBytes = 0
        self.isOpen = False
        self._out = bytearray()
        self._reader = FrameReader()
        self.socket = socket.socket()
        try:
            if receiveBuffer:
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receiveBuffer)
            if source:
                self.socket.bind((source, 0))
            self.socket.settimeout(PATIENCE if waits else 0.0)
            if waits:
                self.socket.connect(address)
            else:
                self.socket.connect_ex(address)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError:
            self.socket.close()
            raise
        self.port: int = self.socket.getsockname()[1]
        self.socket.setblocking(False)
        self.isOpen = True
        crowd.add(self)

    def heard(self, command: int, body: bytes) -> None:
        """
        A frame came.
        """

    def lost(self) -> None:
        """
        The server hung up, or the connection broke.
        """

    def send(self, data: bytes) -> None:
        """
        Send, or keep what the socket does not take.
        """
        if self._out or not self.isOpen:
            self._out += data
            return
        taken = self._put(data)
        if taken < len(data) and self.isOpen:
            self._out += data[taken:]
            self.crowd.watch(self, selectors.EVENT_READ | selectors.EVENT_WRITE)

    @property
    def unsent(self) -> int:
        """
        Bytes that the socket did not take yet.
        """
        return len(self._out)

    def deafen(self) -> None:
        """
        Read no more.  Whether the server hangs up shows in L{isCut}.
        """
        self.crowd.forget(self)

    @property
    def isCut(self) -> bool:
        """
        Has the server hung up, also on one that does not read?
        """
        if self.isOpen:
            poll = select.poll()
            poll.register(self.socket, HUNG_UP)
            if poll.poll(0):
                self._lost()
        return not self.isOpen

    def close(self) -> None:
        """
        Hang up; L{lost} is not called.
        """
        if self.isOpen:
            self.isOpen = False
            self.crowd.remove(self)
            self.socket.close()

    def reset(self) -> None:
        """
        Hang up with a reset, so that nothing lingers.
        """
        if self.isOpen:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            self.close()

    def ready(self, events: int) -> None:
        """
        The socket can be read or written.
        """
        if events & selectors.EVENT_WRITE:
            del self._out[: self._put(self._out)]
            if not self._out and self.isOpen:
                self.crowd.watch(self, selectors.EVENT_READ)
        if events & selectors.EVENT_READ and self.isOpen:
            self.pull()

    def pull(self) -> None:
        """
        Read what is there.
        """
        try:
            data = self.socket.recv(CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._lost()
            return
        self.heardBytes += len(data)
        self.arrived(data)

    def arrived(self, data: bytes) -> None:
        """
        Bytes came.
        """
        for command, body in self._reader.feed(data):
            self.heard(command, body)
            if not self.isOpen:
                return

    def _put(self, data: bytes | bytearray) -> int:
        try:
            taken = self.socket.send(data)
        except BlockingIOError:
            return 0
        except OSError:
            self._lost()
            return 0
        self.sent += taken
        return taken

    def _lost(self) -> None:
        if self.isOpen:
            self.close()
            self.lost()


class Crowd:
    """
    All connections of one thread.
    """

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._links: set[Link] = set()

    def __enter__(self) -> Crowd:
        return self

    def __exit__(self, *_: object) -> None:
        for link in list(self._links):
            link.reset()
        self._selector.close()

    def add(self, link: Link) -> None:
        """
        A connection was made.
        """
        self._links.add(link)
        self._selector.register(link.socket, selectors.EVENT_READ, link)

    def remove(self, link: Link) -> None:
        """
        A connection ends.
        """
        self._links.discard(link)
        self.forget(link)

    def forget(self, link: Link) -> None:
        """
        Wait for nothing on a connection.
        """
        if link.socket in self._selector.get_map():
            self._selector.unregister(link.socket)

    def watch(self, link: Link, events: int) -> None:
        """
        What to wait for on a connection.
        """
        self._selector.modify(link.socket, events, link)

    def turn(self, timeout: float) -> None:
        """
        Serve what is ready, after so many seconds at the latest.
        """
        for key, events in self._selector.select(max(0.0, timeout)):
            link: Link = key.data
            if link.isOpen:
                link.ready(events)

    def run(self, seconds: float, until: Callable[[], bool] = lambda: False, step: float = 0.05) -> bool:
        """
        Go on until something is so.

        @param seconds: but no longer than this.
        @param step: how often it is looked at, at least.
        @return: whether it is so.
        """
        end = monotonic() + seconds
        while not until():
            left = end - monotonic()
            if left <= 0:
                return False
            self.turn(min(left, step))
        return True
