"""
Several things at once.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from twisted.internet.defer import Deferred, FirstError, gatherResults

T = TypeVar("T")


async def together(asked: Iterable[Deferred[T]]) -> list[T]:
    """
    All results, in the order of what was asked, or the first failure, as it
    is; of others nothing is said.
    """
    try:
        results: list[T] = await gatherResults(list(asked), consumeErrors=True)
    except FirstError as first:
        first.subFailure.raiseException()
        raise
    return results
