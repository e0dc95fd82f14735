"""
A login checker: asks the company's own SQLite database, C{--auth
company:FILE}, whose table C{staff} has of everybody C{login}, C{salt} and
C{hash} (scrypt, see L{hashOf}).
"""

from __future__ import annotations

import hashlib
import hmac
import sqlite3
from contextlib import closing
from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread
from zope.interface import implementer

from imtw.errors import PluginLookupError
from imtw.interfaces import ICore, ILoginChecker


def hashOf(password: str, salt: bytes) -> bytes:
    """
    What the company keeps of a password.
    """
    return hashlib.scrypt(password.encode(), salt=salt, n=2**14, r=8, p=1)


@implementer(ILoginChecker)
class CompanyChecker:
    """
    Reads the database in a thread: nothing here keeps the reactor waiting.
    """

    def __init__(self, core: ICore, argument: str) -> None:
        if not Path(argument).is_file():
            raise PluginLookupError(f"--auth company:{argument}: there is no such file")
        self._uri = f"{Path(argument).absolute().as_uri()}?mode=ro"

    def check(self, name: str, password: str, address: str) -> Deferred[str | None]:
        return deferToThread(self._check, name, password)

    def _check(self, name: str, password: str) -> str | None:
        with closing(sqlite3.connect(self._uri, uri=True)) as database:
            row = database.execute("SELECT salt, hash FROM staff WHERE login = ?", (name,)).fetchone()
        salt, known = row or (bytes(16), b"")  # a name that is not there takes as long
        return name if hmac.compare_digest(hashOf(password, salt), known) else None
