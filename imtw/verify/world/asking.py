"""
What a client that speaks J-IM asks of the server, beside what it says.
"""

from __future__ import annotations

from typing import Any

from imtw.verify.wire import JOIN, Conversation
from imtw.verify.world.carriers import Carrier, Stream
from imtw.verify.world.clients import Around, Client
from imtw.verify.world.words import Words

LEAVE, READ, SYNC, CONVERSATIONS, RECALL, RECALLED = 100, 102, 103, 108, 15, 16
EDIT, CREATE, MUTE, KICK, BLOCK = 110, 111, 113, 114, 115
REVOKE, TOKEN = 118, 119
FRIEND_INVITE, FRIEND_AGREE, FRIEND_REMOVE, FRIENDS, PRESENCE = 105, 106, 107, 122, 116


class Asker(Client):
    """
    A client that asks.
    """

    def __init__(self, world: Around, user: str, device: str) -> None:
        super().__init__(world, user, device)
        self._carrier: Carrier = Stream()
        self._syncs: list[tuple[Conversation, int]] = []  # in the order of their answers, on this connection
        self._watched: list[list[str]] = []  # the same

    def join(self, name: str) -> None:
        """
        Be in a group.
        """
        self._tell(JOIN, group_id=name)

    def leave(self, name: str) -> None:
        """
        Be in a group no more.
        """
        self._tell(LEAVE, group=name)

    def readAll(self, where: Conversation) -> None:
        """
        Have read what it was shown.
        """
        seq = max((one.seq for one in self.seen if one.where == where), default=0)
        if seq:
            self._ask(READ, where, seq=seq)

    def recall(self, words: Words) -> None:
        """
        Take something back.
        """
        if self.isIn:
            words.isRecalling = True
            where = words.where
            whom = {"group_id": where.group} if where.group else {"to": where.partnerOf(self.user)}
            self._tell(RECALL, id=words.id, **whom)

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
        self._tell(CREATE, group=name, name=name, members=members)

    def kick(self, name: str, user: str, back: bool) -> None:
        """
        Take somebody out of a group, or let it come back.
        """
        self._tell(KICK, group=name, user=user, back=back)

    def mute(self, name: str, user: str, seconds: int) -> None:
        """
        Let somebody not speak in a group for a while.
        """
        self._tell(MUTE, group=name, user=user, seconds=seconds)

    def block(self, user: str, blocked: bool) -> None:
        """
        Take no private messages of somebody, or take them again.
        """
        self._tell(BLOCK, user=user, blocked=blocked)

    def invite(self, user: str) -> None:
        """
        Ask a user to be its user's friend.
        """
        self._tell(FRIEND_INVITE, user=user)

    def agree(self, user: str) -> None:
        """
        Be a friend of who has asked.
        """
        self._tell(FRIEND_AGREE, user=user)

    def part(self, user: str) -> None:
        """
        Be nobody's friend any more, or refuse to.
        """
        self._tell(FRIEND_REMOVE, user=user)

    def watch(self, users: list[str]) -> None:
        """
        Be told who comes and goes.
        """
        if self.isIn:
            self._watched.append(users)
            self._tell(PRESENCE, users=users)

    def askFriends(self) -> None:
        """
        Ask who its user's friends are.
        """
        self._tell(FRIENDS)

    def askToken(self) -> None:
        """
        Ask for a token, for the next login.
        """
        self._tell(TOKEN)

    def revokeToken(self, text: str) -> None:
        """
        Make a token of its user's worthless.
        """
        self._tell(REVOKE, token=text)

    def forget(self, device: str) -> None:
        """
        Have its user's device forgotten.
        """
        self._tell(REVOKE, device=device)

    def sync(self, where: Conversation, after: int, limit: int) -> None:
        """
        Read on in a conversation.
        """
        if self.isIn:
            self._syncs.append((where, after))
            self._ask(SYNC, where, after=after, limit=limit)

    def askConversations(self) -> None:
        """
        Ask how much is unread.
        """
        self._tell(CONVERSATIONS, limit=200)

    def _tell(self, code: int, **fields: Any) -> None:
        if self._wire is not None and self.isIn:
            self._wire.send(self._carrier.say(code, fields))

    def _ask(self, code: int, where: Conversation, **fields: Any) -> None:
        target = {"group": where.group} if where.group else {"to": where.partnerOf(self.user)}
        self._tell(code, **fields, **target)
