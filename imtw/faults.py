"""
What is logged of something that failed: a line where the store could not do
it, which it has said why; everything where it is a bug of ours.
"""

from __future__ import annotations

from typing import Any

from twisted.logger import Logger
from twisted.python.failure import Failure

from imtw.errors import StoreError


def report(log: Logger, failure: Failure, what: str, **fields: Any) -> None:
    """
    Log it.

    @param what: what failed, as a format of C{fields}.
    """
    if failure.check(StoreError):
        log.error(what + ": {error}", error=failure.getErrorMessage(), **fields)
    else:
        log.failure(what, failure, **fields)
