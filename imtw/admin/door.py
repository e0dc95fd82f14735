"""
How the C{imtw} command finds a running server: a file beside the database
says where its admin listener is and what to say there.

Whoever may read that file may do what the operator may; so it is for the
database's owner alone, and the secret in it ends with the process.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Any

import msgspec

from imtw.errors import StoreError

SUFFIX = ".admin"
MOST = 4096  # bytes of such a file
LOCAL = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}


class Door(msgspec.Struct, frozen=True):
    """
    Where a server's admin listener is: at C{host} and C{port}, or at the
    UNIX socket C{path}.

    @ivar secret: the bearer token of who comes in.
    @ivar pid: the server's process.
    """

    secret: str
    pid: int
    host: str = ""
    port: int = 0
    path: str = ""


def doorAt(address: Any, secret: str) -> Door:
    """
    The door of this process.

    @param address: where it listens: an C{IPv4Address}, C{IPv6Address} or
        C{UNIXAddress}.
    """
    name = getattr(address, "name", None)
    if name is not None:
        return Door(secret, os.getpid(), path=os.fsdecode(name))
    return Door(secret, os.getpid(), LOCAL.get(address.host, address.host), address.port)


def write(database: str, door: Door) -> None:
    """
    Put the file beside a database, in place of what a server left there that
    was killed.

    @raise OSError: that is not possible.
    """
    path = database + SUFFIX
    fresh = path + ".new"
    with suppress(FileNotFoundError):
        os.unlink(fresh)
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with open(handle, "wb") as stream:
        stream.write(msgspec.json.encode(door) + b"\n")
    os.rename(fresh, path)


def read(database: str) -> Door | None:
    """
    What stands beside a database; L{None} where there is nothing.

    @raise StoreError: it cannot be read.
    """
    path = database + SUFFIX
    try:
        with open(path, "rb") as stream:
            return msgspec.json.decode(stream.read(MOST), type=Door)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(
            f"{path} cannot be read: {error.strerror}; run this as the user that the server runs as"
        ) from error
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise StoreError(f"{path} is not what a server writes there: restart the server") from error


def remove(database: str) -> None:
    """
    Take the file away.
    """
    with suppress(FileNotFoundError):
        os.unlink(database + SUFFIX)
