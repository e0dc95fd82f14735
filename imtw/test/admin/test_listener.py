"""
Tests of L{imtw.admin.listener} and L{imtw.admin.client}, on real sockets.
"""

from __future__ import annotations

import os
import socket
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from imtw.admin import client, door
from imtw.admin.client import AdminError
from imtw.admin.listener import CONNECTIONS, DEFAULT, Admin
from imtw.errors import ImtwError
from imtw.limits import Limits
from imtw.options import DEFAULTS
from imtw.persistence.memory import MemoryStore
from imtw.server import Core

FREE = "tcp:0:interface=127.0.0.1"


class FileStore(MemoryStore):
    """
    A store that says it has a file.
    """

    path = ""


class ListenerTests(TestCase):
    """
    The listener's life.
    """

    timeout = 20

    def setUp(self) -> None:
        folder = self.mktemp()
        os.makedirs(folder)
        self.store = FileStore("", reactor, Limits())
        self.store.path = os.path.join(folder, "im.db")
        self.core = Core(reactor, self.store, Limits())

    def make(self, description: str = FREE) -> Admin:
        """
        A listener that is closed when the test ends.
        """
        admin = Admin(self.core, reactor, description, list)
        self.addCleanup(lambda: Deferred.fromCoroutine(admin.stop()))
        return admin

    async def ask(self, *asked: Any) -> Any:
        """
        Ask it, as C{imtw} does.
        """
        found = door.read(self.store.path)
        assert found is not None
        return await deferToThread(client.ask, found, *asked)

    async def failing(self, admin: Admin) -> str:
        """
        Why it does not start.
        """
        started: Deferred[Any] = Deferred.fromCoroutine(admin.start())
        return str(await self.assertFailure(started, ImtwError))

    async def test_life(self) -> None:
        """
        It says where it is once it can be asked, and takes that back.
        """
        admin = self.make()
        self.assertIsNone(door.read(self.store.path))
        await admin.start()
        answer = await self.ask("GET", "/server")
        found = door.read(self.store.path)
        assert found is not None
        self.assertEqual(answer, {"pid": os.getpid(), "ports": [found.port]})
        await admin.stop()
        self.assertIsNone(door.read(self.store.path))
        await admin.stop()
        await self.assertFailure(deferToThread(client.ask, found, "GET", "/server"), AdminError)

    async def test_unix(self) -> None:
        """
        A UNIX socket will do.
        """
        path = f"im-{os.getpid()}.sock"  # the whole path may be too long
        await self.make(f"unix:{path}").start()
        self.assertEqual((await self.ask("GET", "/server"))["pid"], os.getpid())

    async def test_refusal(self) -> None:
        """
        C{imtw} gets the server's own words, and the code.
        """
        await self.make().start()
        error = await self.assertFailure(Deferred.fromCoroutine(self.ask("POST", "/users/operator", {})), AdminError)
        self.assertEqual(error.code, 400)
        self.assertIn("name", str(error))

    async def test_taken(self) -> None:
        """
        A port that was asked for has to be had; without the default one the
        server goes on.
        """
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            taken = f"tcp:{other.getsockname()[1]}:interface=127.0.0.1"
            error = await self.failing(self.make(taken))
            self.assertIn(f"cannot listen on {taken} (--admin)", error)
            self.patch(door, "write", None)  # it must not get there
            admin = self.make(taken)
            admin._description = DEFAULT
            await admin.start()
            self.assertIsNone(admin.port)

    async def test_noFolder(self) -> None:
        """
        Where the file cannot be written, that is said.
        """
        self.store.path = "/nowhere/im.db"
        self.assertIn("/nowhere/im.db.admin.new cannot be written", await self.failing(self.make()))

    async def test_storeWithoutFile(self) -> None:
        """
        A store in memory has no file that anything could stand beside.
        """
        del FileStore.path, self.store.path
        self.addCleanup(setattr, FileStore, "path", "")
        admin = self.make()
        await admin.start()
        self.assertIsNotNone(admin.port)

    def test_default(self) -> None:
        """
        Unless another is asked for, it is this machine's own.
        """
        self.assertEqual(DEFAULTS["admin"], DEFAULT)
        self.assertIn(":interface=127.0.0.1", DEFAULT)

    def test_noEndpoint(self) -> None:
        """
        TLS is not for here, nor is what is no endpoint.
        """
        for description in ("ssl:9734", "9734", "fd:3", "systemd:domain=INET", "tcp:x", "tcp:", ""):
            self.assertRaises(ValueError, self.make, description)

    async def test_crowd(self) -> None:
        """
        Nobody opens connections without end, and those that end make room.
        """
        admin = self.make()
        await admin.start()
        site = admin.site
        channels = [site.buildProtocol(None) for _ in range(CONNECTIONS)]
        self.assertIsNone(site.buildProtocol(None))
        channels[0].connectionLost(None)
        self.assertIsNotNone(site.buildProtocol(None))
