"""
A proxy between clients and server that cuts connections on purpose.
"""

from __future__ import annotations

import selectors
import socket
from contextlib import suppress
from random import Random
from threading import Thread

from imtw.verify.crowd import CHUNK, RESET, Address
from imtw.verify.server import HOST
from imtw.verify.wire import FrameReader

TURN = 0.05  # seconds


class Way:
    """
    One connection through the proxy.

    @ivar left: frames, of both directions, until it is cut.
    """

    def __init__(self, near: socket.socket, far: socket.socket, left: int) -> None:
        self.near = near
        self.far = far
        self.left = left
        self._readers = {near: FrameReader(), far: FrameReader()}
        self.queues = {near: bytearray(), far: bytearray()}

    def other(self, side: socket.socket) -> socket.socket:
        """
        The other side.
        """
        return self.far if side is self.near else self.near

    def count(self, side: socket.socket, data: bytes) -> bool:
        """
        Count the frames that came from one side.

        @return: whether there were enough.
        """
        self.left -= len(self._readers[side].feed(data))
        return self.left <= 0


class FaultProxy(Thread):
    """
    Passes on what comes, in a thread of its own, and cuts each connection
    after some frames, in the middle of what came last.  Use it in a C{with}
    statement.

    @ivar address: where it listens.
    @ivar cuts: how many connections it has cut.
    @ivar isCalm: cut no more.
    """

    def __init__(self, server: Address, random: Random, every: tuple[int, int]) -> None:
        """
        @param every: the least and the most frames of one connection.
        """
        super().__init__(daemon=True)
        self.cuts = 0
        self.isCalm = False
        self._server = server
        self._random = random
        self._every = every
        self._isOver = False
        self._ways: dict[socket.socket, Way] = {}
        self._selector = selectors.DefaultSelector()
        self._door = socket.create_server((HOST, 0), backlog=128)
        self._door.setblocking(False)
        self.address: Address = self._door.getsockname()[:2]
        self._selector.register(self._door, selectors.EVENT_READ)

    def __enter__(self) -> FaultProxy:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._isOver = True
        self.join()

    def run(self) -> None:
        """
        Pass on, until told to stop.
        """
        while not self._isOver:
            for key, events in self._selector.select(TURN):
                side = key.fileobj
                assert isinstance(side, socket.socket)
                if side is self._door:
                    self._accept()
                elif side in self._ways:
                    self._serve(side, events)
        for way in set(self._ways.values()):
            self._close(way)
        self._door.close()
        self._selector.close()

    def _accept(self) -> None:
        near, _ = self._door.accept()
        try:
            far = socket.create_connection(self._server, 5.0)
        except OSError:
            near.close()
            return
        way = Way(near, far, self._random.randint(*self._every))
        for side in (near, far):
            side.setblocking(False)
            side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._ways[side] = way
            self._selector.register(side, selectors.EVENT_READ)

    def _serve(self, side: socket.socket, events: int) -> None:
        way = self._ways[side]
        if events & selectors.EVENT_WRITE:
            self._push(way, side)
        if not events & selectors.EVENT_READ or side not in self._ways:
            return
        try:
            data = side.recv(CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._close(way)
            return
        isEnough = way.count(side, data) and not self.isCalm
        if isEnough:
            data = data[: self._random.randrange(len(data))]
        way.queues[way.other(side)] += data
        self._push(way, way.other(side))
        if isEnough and side in self._ways:
            self.cuts += 1
            self._close(way)

    def _push(self, way: Way, side: socket.socket) -> None:
        queue = way.queues[side]
        try:
            del queue[: side.send(queue)]
        except BlockingIOError:
            pass
        except OSError:
            self._close(way)
            return
        self._selector.modify(side, selectors.EVENT_READ | (selectors.EVENT_WRITE if queue else 0))

    def _close(self, way: Way) -> None:
        for side in (way.near, way.far):
            if self._ways.pop(side, None) is not None:
                self._selector.unregister(side)
            with suppress(OSError):
                side.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            side.close()
