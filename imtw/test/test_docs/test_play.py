"""
The pages' conversations, requests and programs.
"""

from __future__ import annotations

import re
import shlex
import socket
import ssl
import sys
from contextlib import closing
from shutil import which

from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SkipTest

from imtw.tap import Options
from imtw.test.protocols.certificates import makeCertificate
from imtw.test.test_docs.pages import blocksOf, commandsOf, page
from imtw.test.test_docs.played import Played, isPlayed
from imtw.test.wire import HOST

#: Pages on which something is played.
PLAYED = ("README", "run", "tls", "operate", "command", "login", "filter", "store", "jim")


class ConversationTests(Played):
    """
    The pages' conversations, requests and programs.
    """

    async def test_wire(self) -> None:
        """
        J-IM's clients say, and are told, what its page shows.
        """
        await self.play("docs/wire/jim.rst", 18)

    async def test_command(self) -> None:
        """
        The commands of the how-to work over TCP, WebSocket and HTTP, and are
        found where it puts them.
        """
        await self.play("docs/howto/command.rst", 3)
        listed = await self.shell(f'"{sys.executable}" -m twisted jim --help-plugins', str(self.folder))
        self.assertIn("shout", listed)
        self.assertIn("see or change what a group is about", listed)

    async def test_login(self) -> None:
        """
        The login checks of the how-to let in whom they say.
        """
        await self.play("docs/howto/login.rst", 2)

    async def test_filter(self) -> None:
        """
        The join policy and the chat filter of the how-to do their work.
        """
        await self.play("docs/howto/filter.rst", 1)

    async def test_store(self) -> None:
        """
        The store of the how-to passes the contract as it is run there, and
        keeps what is said.
        """
        path = page("docs/howto/store.rst")
        self.install(path)
        for line, _ in next(commandsOf(block) for block in blocksOf(path) if "trial" in block.text):
            await self.shell(line, str(self.folder))
        port = await self.start(["--store", "archive:said.jsonl:sqlite:imtw.db"])
        await self.curl(port, ["-u", "alice:123", "-d", '{"to":"bob","content":"hello"}', "/api/command/chat"])
        self.assertIn('"content":"hello"', (self.folder / "said.jsonl").read_text("utf-8"))

    async def test_tls(self) -> None:
        """
        The port of the how-to takes TLS and nothing else; the PROXY protocol
        tells it whose a connection is; the secret is as it says.
        """
        await self.play("docs/howto/tls.rst", 2)
        text = page("docs/howto/tls.rst").read_text("utf-8")
        makeCertificate("chat.pem")
        endpoint = re.sub(r"=/etc/imtw/chat\.\w+", "=chat.pem", re.findall(r"--port (ssl:\S+)", text)[0])
        port = await self.start(["--port", endpoint])
        self.assertEqual(await deferToThread(overTLS, port, "chat.pem"), b"HTTP/1.1 200 OK")
        plain = await self.raw(port)
        plain.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await plain.closed()
        self.assertNotIn(b"HTTP", plain.received)

        endpoint = re.findall(r"--port (haproxy:\S+)", text)[0].replace(":9733", ":0")
        proxied = await self.raw(await self.start(["--port", endpoint]))
        proxied.write(b"PROXY TCP4 203.0.113.9 127.0.0.1 5555 443\r\n")
        proxied.write(b"GET /api/user/close?userid=a HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        await proxied.closed()
        self.assertIn(b"401", proxied.received)

    async def test_ownCertificate(self) -> None:
        """
        The certificate that the how-to makes is one to serve with.
        """
        if which("openssl") is None:
            raise SkipTest("no openssl is installed")
        path = page("docs/howto/tls.rst")
        for line, _ in next(commandsOf(block) for block in blocksOf(path) if "openssl" in block.text):
            await self.shell(line)
        port = await self.start(["--port", "ssl:9743:privateKey=chat.key:certKey=chat.crt"])
        self.assertEqual(await deferToThread(overTLS, port, "chat.crt", "localhost"), b"HTTP/1.1 200 OK")

    async def test_operate(self) -> None:
        """
        The C{imtw} command does and prints what the how-to shows, beside a
        server that runs.
        """
        await self.play("docs/howto/operate.rst", 1)

    async def test_run(self) -> None:
        """
        The copy of the how-to is made while a server runs, and has what was
        said; its configuration file is one.
        """
        path = page("docs/howto/run.rst")
        self.install(path)
        said = ["-u", "alice:123", "-d", '{"to":"bob","content":"hello"}', "/api/command/chat"]
        await self.curl(await self.start(["--store", "sqlite:imtw.db"]), said)
        for line, _ in next(commandsOf(block) for block in blocksOf(path) if "VACUUM" in block.text):
            await self.shell(line)
        port = await self.start(["--store", "sqlite:backup.db"])
        asked = ["-u", "alice:123", "-d", '{"user":"alice","partner":"bob"}', "/api/command/messages"]
        self.assertIn('"content":"hello"', await self.curl(port, asked))
        options = Options()
        options.parseOptions(["--config", "imtw.toml"])
        self.assertEqual((options["signup"], options.limits.recall), ("closed", 600))

    async def test_frontPage(self) -> None:
        """
        The request of the front page is taken.
        """
        line = next(
            line for block in blocksOf(page("README.rst")) for line in block.text.replace("\\\n", "").split("\n")
            if line.startswith("curl")
        )  # fmt: skip
        self.assertIn('"code":10000', await self.curl(await self.start([]), shlex.split(line)[1:]))

    def test_nothingLeftOut(self) -> None:
        """
        Whatever can be played is.
        """
        found = {path.stem for path in self.pages if any(map(isPlayed, blocksOf(path)))}
        self.assertEqual(found - set(PLAYED), set())


def overTLS(port: int, certificate: str, name: str = HOST) -> bytes:
    """
    The first line that a server answers over TLS; called in a thread.
    """
    trusting = ssl.create_default_context(cafile=certificate)
    with closing(trusting.wrap_socket(socket.socket(), server_hostname=name)) as client:
        client.settimeout(5)
        client.connect((HOST, port))
        client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        return client.recv(4096).split(b"\r\n")[0]
