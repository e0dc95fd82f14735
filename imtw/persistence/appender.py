"""
How messages, recalls and edits get into the logs of a SQLite database.

All of this belongs to the thread that writes.
"""

from __future__ import annotations

from collections.abc import Iterable
from operator import itemgetter

from msgspec.json import Encoder
from msgspec.structs import replace

from imtw.limits import Limits
from imtw.model import Draft, Fact, Message, Pair, Scope
from imtw.persistence import voices
from imtw.persistence.amend import amend
from imtw.persistence.headcache import Head
from imtw.persistence.ledger import Ledger
from imtw.persistence.pages import rowAt
from imtw.persistence.rows import Row, namedOf
from imtw.persistence.rules import CANDIDATES, NEVER, checkId, checkVoice, isRepeat, isSame, refuseStranger
from imtw.persistence.tail import Key, keyOf

#: The messages that may be meant again, for many drafts at once: [[conversation, id, sender], ...].
EARLIER = """
    SELECT asked.key, earlier.* FROM json_each(?) AS asked CROSS JOIN messages AS earlier
    WHERE earlier.conversation = json_extract(asked.value, '$[0]') AND earlier.seq IN (
        SELECT seq FROM messages INDEXED BY messages_by_id
        WHERE conversation = json_extract(asked.value, '$[0]') AND id = json_extract(asked.value, '$[1]')
            AND sender = json_extract(asked.value, '$[2]') AND fact = 0
            AND seq > (SELECT floor FROM conversations WHERE id = json_extract(asked.value, '$[0]'))
        ORDER BY seq DESC LIMIT ?
    )
    ORDER BY earlier.seq DESC
"""

#: The same for devices, whose ids are unique: [[sender, id], ...].
EARLIER_BY_DEVICE = """
    SELECT asked.key, earlier.*, home.scope, home.a, home.b FROM json_each(?) AS asked
    CROSS JOIN messages AS earlier INDEXED BY messages_by_device CROSS JOIN conversations AS home
    WHERE earlier.sender = json_extract(asked.value, '$[0]') AND earlier.id = json_extract(asked.value, '$[1]')
        AND earlier.fact = 0 AND earlier.device <> '' AND home.id = earlier.conversation AND earlier.seq > home.floor
"""

#: Who does not want whose private messages, among [[user, other], ...].
BLOCKS = """
    SELECT user, other FROM json_each(?) AS asked CROSS JOIN blocks
    WHERE user = json_extract(asked.value, '$[0]') AND other = json_extract(asked.value, '$[1]')
"""
STRANGERS = "SELECT id, strangers FROM users WHERE id IN (SELECT value FROM json_each(?))"
ONE_MORE_STRANGER = "UPDATE users SET strangers = strangers + 1 WHERE id = ?"

_encode = Encoder().encode


class Appender:
    """
    Finds out whether a draft is new, and makes it a row.
    """

    def __init__(self, ledger: Ledger, limits: Limits) -> None:
        self._ledger = ledger
        self._limits = limits
        # What is known of ids that clients gave, in this transaction: rows that were read, messages that were added.
        self._stored: dict[Key, list[Row]] = {}
        self._said: dict[Key, list[Message]] = {}
        # How many strangers an account has written to; None for a name without an account.
        self._strangers: dict[str, int | None] = {}
        self._blocks: set[tuple[str, str]] = set()
        self._lookedUp: set[Pair] = set()

    def begin(self) -> None:
        """
        A transaction has begun.
        """
        self._stored = {}
        self._said = {}
        self.peopleChanged()

    def peopleChanged(self) -> None:
        """
        Something else was done: there may be other accounts now, and other
        blocks.
        """
        self._strangers = {}
        self._blocks = set()
        self._lookedUp = set()

    def prepare(self, drafts: Iterable[Draft]) -> None:
        """
        Read at once what L{append} will want to know of these: the messages
        they may repeat.
        """
        drafts = [draft for draft in drafts if draft.fact is Fact.MESSAGE]
        heads = self._ledger.heads.among([draft.pair for draft in drafts])
        earlier: dict[Key, list[Row]] = {}  # of each id once: some clients have one for all their messages
        askedByDevice = []
        pairs: set[Pair] = set()
        for draft, head in zip(drafts, heads, strict=True):
            if draft.device:
                askedByDevice.append((draft.sender, draft.id))
            elif draft.given and head is not None and head.seq:
                earlier[head.number, draft.id, draft.sender] = []
            if head is None and draft.pair.scope is Scope.PRIVATE:
                pairs.add(draft.pair)
        cursor = self._ledger.cursor
        if earlier:
            asked = list(earlier)
            for place, *row in cursor.execute(EARLIER, (_encode(asked).decode(), CANDIDATES)):
                earlier[asked[place]].append(tuple(row))
            self._stored.update(earlier)
        if askedByDevice:
            for place, *row in cursor.execute(EARLIER_BY_DEVICE, (_encode(askedByDevice).decode(),)):
                self._stored[askedByDevice[place]] = [tuple(row)]
        if pairs:
            self._lookUp(pairs)

    def _lookUp(self, pairs: set[Pair]) -> None:
        """
        See which of these users have an account, and whose messages they do
        not want.
        """
        names = {name for pair in pairs for name in pair[1:]}
        both = [ends for pair in pairs for ends in ((pair.a, pair.b), (pair.b, pair.a))]
        self._lookedUp |= pairs
        self._blocks.difference_update(both)
        self._blocks.update(self._ledger.cursor.execute(BLOCKS, (_encode(both).decode(),)))
        self._strangers.update(dict.fromkeys(names))
        self._strangers.update(self._ledger.cursor.execute(STRANGERS, (_encode(sorted(names)).decode(),)))

    def append(self, draft: Draft) -> Message | None:
        """
        Add a message, a recall or an edit to its log.

        @return: its row, or L{None} where there is no such group.
        @raise CommandRefused: it must not be stored.
        @raise StoreError: a row that it has to do with is damaged.
        """
        head = self._ledger.heads.get(draft.pair)
        if draft.fact is not Fact.MESSAGE:
            if head is not None and head.verdicts is not None and draft.fact is Fact.EDIT:
                voices.check(self._ledger, draft, head)
            return self._amend(draft, head)
        if head is None and draft.pair.scope is Scope.GROUP:
            return None
        named = draft.given or draft.device
        if named:
            checkId(draft.id)
        repeated = self._repeated(draft, head) if named else None
        if repeated is not None and draft.device:  # it is told to nobody again
            return repeated
        if head is not None and head.verdicts is not None:
            voices.check(self._ledger, draft, head)
        if repeated is not None:
            return repeated
        if head is None:
            head = self._open(draft)
        message = self._ledger.add(draft, head, head.n + 1)
        if named:
            self._ledger.named.append(message)
            self._of(keyOf(message)).append(message)
        return message

    def _open(self, draft: Draft) -> Head:
        """
        Begin a private conversation.
        """
        sender, partner = draft.sender, draft.pair.partnerOf(draft.sender)
        if draft.pair not in self._lookedUp:
            self._lookUp({draft.pair})
        if (partner, sender) in self._blocks:
            checkVoice(NEVER, self._ledger.now)
        strangers = self._strangers[sender]
        if strangers is not None and self._strangers[partner] is None:
            if strangers >= self._limits.strangersPerUser:
                raise refuseStranger(self._limits.strangersPerUser)
            self._ledger.cursor.execute(ONE_MORE_STRANGER, (sender,))
            self._strangers[sender] = strangers + 1
        head = self._ledger.openPrivate(draft.pair)
        if (sender, partner) in self._blocks:
            head.verdicts = {}
        return head

    def _of(self, key: Key) -> list[Message]:
        """
        The messages with an id that are not in their place, oldest first.
        """
        said = self._said.get(key)
        if said is None:
            said = self._said[key] = list(self._ledger.tail.named.get(key, ()))
        if self._ledger.floors:
            said[:] = [message for message in said if not self._isGone(message.conversation, message.seq)]
        return said

    def _isGone(self, number: int, seq: int) -> bool:
        """
        Did this transaction end the message with this seq?
        """
        return seq <= self._ledger.floors.get(number, 0)

    def _repeated(self, draft: Draft, head: Head | None) -> Message | None:
        """
        The row of the message that this draft is once more.
        """
        if draft.device:
            return self._repeatedByDevice(draft)
        if head is None:
            return None
        key = head.number, draft.id, draft.sender
        for message in self._of(key)[: -CANDIDATES - 1 : -1]:
            if isSame(message, draft):
                return replace(message, repeat=True)
        for row in self._stored.get(key, ()):
            if not row[5] and row[12] is None and not self._isGone(row[0], row[1]):
                message = namedOf(row, head.number, draft.pair, draft.id, draft.sender)
                if isSame(message, draft):
                    return replace(message, repeat=True)
        return None

    def _repeatedByDevice(self, draft: Draft) -> Message | None:
        """
        The same for a device, whose ids are unique.

        @raise CommandRefused: the id is that of another message.
        """
        key = draft.sender, draft.id
        found = self._of(key)[-1:]
        if not found:
            found = [
                namedOf(row[:-3], row[0], Pair(Scope(row[-3]), row[-2], row[-1]), draft.id, draft.sender)
                for row in self._stored.get(key, ())
                if not self._isGone(row[0], row[1])
            ]
        for message in found:
            if isRepeat(message, draft):
                return replace(message, repeat=True)
        return None

    def _amend(self, draft: Draft, head: Head | None) -> Message:
        """
        Take a message back, or edit it.
        """
        row, target = amend(self._ledger, draft, head, self._limits.recall)
        if target is not None:
            self._changed(target)
        if head is not None and head.verdicts is not None:
            row.unheard = not voices.isHeard(self._ledger, draft, head)
        return row

    def _changed(self, target: Message) -> None:
        """
        A message was recalled or edited: see that nobody is told what it
        said.
        """
        key = keyOf(target)
        self._said[key] = [message for message in self._of(key) if message.seq != target.seq]
        row = rowAt(self._ledger.cursor, target.conversation, target.seq)
        if target.device:
            self._stored[key] = [(*row, *target.pair)]
        else:
            others = [other for other in self._stored.get(key, ()) if other[1] != target.seq]
            self._stored[key] = sorted([row, *others], key=itemgetter(1), reverse=True)
