"""
TLS below all three carriers, with real sockets and a real certificate.
"""

from __future__ import annotations

import json
import socket
import ssl
from base64 import b64encode
from typing import Any

from twisted.internet.threads import deferToThread
from twisted.python import usage
from twisted.trial.unittest import TestCase

from imtw.protocols.jim.frames import FrameDecoder, encodeFrame
from imtw.test.live import Live, serve
from imtw.test.protocols.certificates import makeCertificate

HOST = "127.0.0.1"
PATIENCE = 5  # seconds
LARGE = 300_000  # bytes of a message that takes many TLS records


def body(**fields: Any) -> bytes:
    """
    A body of J-IM's.
    """
    return json.dumps(fields).encode()


class TLSTests(TestCase):
    """
    A port with a certificate.
    """

    timeout = 30

    async def serve(self, *arguments: str) -> Live:
        """
        Start a server with TLS on its port.
        """
        self.file = self.mktemp()
        makeCertificate(self.file)
        live = await serve("--port", f"ssl:0:privateKey={self.file}:interface={HOST}", *arguments)
        self.addCleanup(live.stop)
        return live

    def connect(self, port: int, **settings: Any) -> ssl.SSLSocket:
        """
        Connect as a client that checks the certificate.  Blocks.
        """
        context = ssl.create_default_context(cafile=self.file)
        if "ciphers" in settings:
            context.maximum_version = ssl.TLSVersion.TLSv1_2
            context.set_ciphers(settings["ciphers"])
        if "alpn" in settings:
            context.set_alpn_protocols(settings["alpn"])
        if "version" in settings:
            context.minimum_version = context.maximum_version = settings["version"]
        plain = socket.create_connection((HOST, port), PATIENCE)
        try:
            return context.wrap_socket(plain, server_hostname=HOST)
        except BaseException:
            plain.close()
            raise

    async def test_frames(self) -> None:
        """
        J-IM's frames, a large one too, come through; none of it is readable
        on the way.
        """
        live = await self.serve()

        def talk() -> list[int]:
            with self.connect(live.port) as connection:
                connection.sendall(encodeFrame(5, body(cmd=5, loginname="ann", password="x")))
                chat = body(cmd=11, chatType=2, to="ann", content="x" * LARGE)
                connection.sendall(encodeFrame(11, chat))
                decoder = FrameDecoder(2 * LARGE, range(127))
                commands: list[int] = []
                while len(commands) < 4:
                    decoder.feed(connection.recv(65536))
                    while (frame := decoder.next()) is not None:
                        commands.append(frame[0])
                return commands

        self.assertEqual(await deferToThread(talk), [9, 6, 11, 12])

    async def test_http(self) -> None:
        """
        HTTP comes through, for clients that offer protocols (ALPN) and for
        those that offer none.
        """
        live = await self.serve()

        def ask(**settings: Any) -> bytes:
            with self.connect(live.port, **settings) as connection:
                connection.sendall(b"GET /api/user/online?userid=x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                answer = b""
                while data := connection.recv(65536):
                    answer += data
                return answer

        self.assertIn(b'"code":10001', await deferToThread(ask))
        self.assertIn(b'"code":10001', await deferToThread(ask, alpn=["h2", "http/1.1"]))

    async def test_webSocket(self) -> None:
        """
        A WebSocket comes through.
        """
        live = await self.serve()

        def ask() -> bytes:
            with self.connect(live.port) as connection:
                key = b64encode(bytes(16))
                connection.sendall(
                    b"GET /?username=ann&password=x HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
                    b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + key + b"\r\n\r\n"
                )
                answer = b""
                while b"10007" not in answer:
                    answer += connection.recv(65536)
                return answer

        self.assertTrue((await deferToThread(ask)).startswith(b"HTTP/1.1 101 "))

    async def test_tooMany(self) -> None:
        """
        Past the limit a connection is ended at once, and nothing of it is
        left; when one goes there is room for another.
        """
        live = await self.serve("--limit", "connections=1")

        def comesIn() -> bool:
            try:
                with self.connect(live.port) as connection:
                    connection.sendall(encodeFrame(13, b""))
                    return bool(connection.recv(100))
            except (ssl.SSLError, ConnectionError):
                return False

        def three() -> list[bool]:
            with self.connect(live.port):
                return [comesIn(), comesIn()]

        self.assertEqual(await deferToThread(three), [False, False])
        self.assertEqual((live.core.connections, live.core.counters.turnedAway), (0, 2))
        self.assertTrue(await deferToThread(comesIn))

    async def test_ciphers(self) -> None:
        """
        Only TLS 1.2 and 1.3 with forward secrecy and authenticated
        encryption.
        """
        live = await self.serve()

        def offered(**settings: Any) -> bool:
            try:
                self.connect(live.port, **settings).close()
            except (ssl.SSLError, OSError):
                return False
            return True

        good = ["ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305"]
        bad = ["AES128-SHA", "AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA", "DHE-RSA-AES128-GCM-SHA256"]
        for ciphers in good:
            self.assertTrue(await deferToThread(offered, ciphers=ciphers), ciphers)
        for ciphers in bad:
            self.assertFalse(await deferToThread(offered, ciphers=ciphers), ciphers)
        self.assertTrue(await deferToThread(offered, version=ssl.TLSVersion.TLSv1_3))

    async def test_noCertificate(self) -> None:
        """
        A key that is not there is an error that says so.
        """
        with self.assertRaisesRegex(usage.UsageError, "nowhere.pem cannot be read"):
            await serve("--port", "ssl:0:privateKey=nowhere.pem")
        with self.assertRaisesRegex(usage.UsageError, "privateKey=FILE"):
            await serve("--port", "ssl:0")
