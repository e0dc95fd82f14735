"""
A first byte that chooses what is done with the others.
"""

from __future__ import annotations

from collections.abc import Callable


def choose(data: bytes, count: int) -> tuple[int, bytes]:
    """
    A choice, and the bytes behind the one it was made from.
    """
    return (data[0] % count if data else 0), data[1:]


def chosen(index: int, data: bytes) -> bytes:
    """
    The input that makes this choice.
    """
    return bytes([index]) + data


def withChoice(makeSeeds: Callable[[], list[bytes]], *choices: int) -> Callable[[], list[bytes]]:
    """
    Seeds with each of these choices in front.
    """
    return lambda: [bytes(choices) + seed for seed in makeSeeds()]
