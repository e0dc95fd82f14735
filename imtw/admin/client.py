"""
Asks the admin listener of a server that runs: the C{imtw} command's end of
L{imtw.admin.api}.
"""

from __future__ import annotations

import socket
from http.client import HTTPConnection, HTTPException
from typing import Any

import msgspec

from imtw.admin.door import Door
from imtw.errors import ImtwError

PATIENCE = 30.0  # seconds: a password waits for those of all who log in
MOST = 1024 * 1024  # bytes of an answer


class AdminError(ImtwError):
    """
    The server did not do what it was asked, or could not be asked.

    @ivar code: the HTTP status, or 0 where there was none.
    """

    def __init__(self, reason: str, code: int = 0) -> None:
        super().__init__(reason)
        self.code = code


class UNIXConnection(HTTPConnection):
    """
    HTTP over a UNIX socket.
    """

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        """
        Connect.
        """
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def whereIs(door: Door) -> str:
    """
    A door's address, for people.
    """
    return door.path or f"{door.host}:{door.port}"


def ask(door: Door, method: str, path: str, asked: Any = None, patience: float = PATIENCE) -> Any:
    """
    Ask, and wait for the answer.

    @param asked: the body of a C{POST}.
    @raise AdminError: no such answer; says why.
    """
    if door.path:
        connection: HTTPConnection = UNIXConnection(door.path, patience)
    else:
        connection = HTTPConnection(door.host, door.port, timeout=patience)
    # The listener may have any address; that this comes from here is shown by the secret.
    headers = {"Host": "localhost", "Authorization": f"Bearer {door.secret}", "Content-Type": "application/json"}
    try:
        connection.request(method, path, None if asked is None else msgspec.json.encode(asked), headers)
        response = connection.getresponse()
        code, body = response.status, response.read(MOST)
    except (OSError, HTTPException) as error:
        raise AdminError(
            f"the server (process {door.pid}) does not answer at its admin listener {whereIs(door)}: "
            f"{error or type(error).__name__}; see its log, or stop it and run this again"
        ) from error
    finally:
        connection.close()
    try:
        answer = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        answer = None
    if not isinstance(answer, dict):
        raise AdminError(f"what answers at {whereIs(door)} is no admin listener of imtw: restart the server", code)
    if code != 200:
        raise AdminError(str(answer.get("msg", f"the server answered {code}")), code)
    return answer
