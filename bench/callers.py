"""
Clients of the benchmark's own, for what the load generator does not do: a
first login, TLS.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from time import monotonic, sleep

from bench.shapes import Unsound
from imtw.verify import wire

PATIENCE = 30.0  # seconds


def login(client: socket.socket, greeting: bytes) -> None:
    """
    Log in.

    @param greeting: the frame that does it.

    @raise Unsound: the server does not want that.
    """
    client.sendall(greeting)
    reader = wire.FrameReader()
    while data := client.recv(65536):
        for command, body in reader.feed(data):
            if command == wire.LOGGED_IN:
                if wire.read(body).get("code") != wire.LOGIN_OK:
                    raise Unsound(f"login refused: {body!r}")
                return
    raise Unsound("the server hung up at a login")


def firstLogin(port: int, token: str = "") -> None:
    """
    Log in as soon as there is somebody who takes it.
    """
    greeting = wire.frame(wire.LOGIN, {"cmd": wire.LOGIN, "token": token}) if token else wire.login("u0")
    end = monotonic() + PATIENCE
    while monotonic() < end:
        try:
            with socket.create_connection(("127.0.0.1", port), PATIENCE) as client:
                login(client, greeting)
                return
        except ConnectionError:
            sleep(0.002)
    raise Unsound(f"no login within {PATIENCE} s")


@contextmanager
def manyOverTLS(port: int, numbers: Sequence[int]) -> Iterator[None]:
    """
    Have clients logged in over TLS.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with ExitStack() as stack:
        for number in numbers:
            plain = socket.create_connection(("127.0.0.1", port), PATIENCE)
            client = stack.enter_context(context.wrap_socket(plain))
            login(client, wire.login(f"u{number}"))
        yield
