"""
What is said, and what is shown.
"""

from __future__ import annotations

from typing import NamedTuple

from msgspec import Struct

from imtw.verify.wire import Conversation


class Words(Struct):
    """
    Something that somebody says.

    @ivar saidAt: when it was sent first; C{ackedAt} when it was acknowledged.
    @ivar times: how often it was sent.
    @ivar recalledAt: when its recall was acknowledged.
    @ivar edited: what it was made to say afterwards.
    """

    sender: str
    device: str
    where: Conversation
    id: str
    content: str
    saidAt: float
    ackedAt: float | None = None
    times: int = 0
    isRefused: bool = False
    recalledAt: float | None = None
    isRecalling: bool = False
    edited: str | None = None


class Seen(NamedTuple):
    """
    A message as a client was shown it.

    @ivar seq: its place, where the client is told.
    @ivar isLive: pushed on its own, and not read with others.
    @ivar connection: the client's how-manieth connection.
    """

    where: Conversation
    seq: int
    sender: str
    id: str
    content: str | None
    connection: int
    isLive: bool
