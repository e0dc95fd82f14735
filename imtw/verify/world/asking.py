"""
What clients ask of the server, beside what they say.
"""

from __future__ import annotations

from typing import Any

from imtw.verify.wire import Conversation, frame, join
from imtw.verify.world.wires import Wire
from imtw.verify.world.words import Words

LEAVE, READ, SYNC, CONVERSATIONS, RECALL, RECALLED = 100, 102, 103, 108, 15, 16
EDIT, CREATE, MUTE, KICK, BLOCK = 110, 111, 113, 114, 115


class Asker:
    """
    A client that asks.

    @ivar isIn: it is logged in.
    """

    user: str
    isIn = False
    _wire: Wire | None = None
    _syncs: list[tuple[Conversation, int]]

    def join(self, name: str) -> None:
        """
        Be in a group.
        """
        if self._wire is not None and self.isIn:
            self._wire.send(join(name))

    def leave(self, name: str) -> None:
        """
        Be in a group no more.
        """
        if self._wire is not None and self.isIn:
            self._wire.send(frame(LEAVE, {"group": name}))

    def read(self, where: Conversation, seq: int) -> None:
        """
        Have read up to a row.
        """
        if self._wire is not None and self.isIn and seq:
            self._wire.send(frame(READ, {"seq": seq, **self._target(where)}))

    def recall(self, words: Words) -> None:
        """
        Take something back.
        """
        if self._wire is not None and self.isIn:
            words.isRecalling = True
            whom = {"group_id": words.where.group} if words.where.group else {"to": words.where.partnerOf(self.user)}
            self._wire.send(frame(RECALL, {"cmd": RECALL, "id": words.id, **whom}))

    def edit(self, words: Words, content: str) -> None:
        """
        Make something say something else, once.
        """
        if words.edited is None and self.isIn:
            words.edited = content
            self._ask(EDIT, words.where, id=words.id, content=content)

    def create(self, name: str, members: list[str]) -> None:
        """
        Make a group of one's own.
        """
        self._ask(CREATE, None, group=name, name=name, members=members)

    def kick(self, name: str, user: str, back: bool) -> None:
        """
        Take somebody out of a group, or let it come back.
        """
        self._ask(KICK, None, group=name, user=user, back=back)

    def mute(self, name: str, user: str, seconds: int) -> None:
        """
        Let somebody not speak in a group for a while.
        """
        self._ask(MUTE, None, group=name, user=user, seconds=seconds)

    def block(self, user: str, blocked: bool) -> None:
        """
        Take no private messages of somebody, or take them again.
        """
        self._ask(BLOCK, None, user=user, blocked=blocked)

    def sync(self, where: Conversation, after: int, limit: int) -> None:
        """
        Read on in a conversation.
        """
        if self.isIn:
            self._syncs.append((where, after))
            self._ask(SYNC, where, after=after, limit=limit)

    def _ask(self, code: int, where: Conversation | None, **fields: Any) -> None:
        if self._wire is not None and self.isIn:
            self._wire.send(frame(code, {**fields, **({} if where is None else self._target(where))}))

    def askConversations(self) -> None:
        """
        Ask how much is unread.
        """
        if self._wire is not None and self.isIn:
            self._wire.send(frame(CONVERSATIONS, {"limit": 200}))

    def _target(self, where: Conversation) -> dict[str, str]:
        return {"group": where.group} if where.group else {"to": where.partnerOf(self.user)}
