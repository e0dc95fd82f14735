"""
The live side of groups: who of a group is connected here, and how what
happens in it gets to them.

A group has a queue of events.  One sweep at a time takes all that wait when
it starts, joins their bytes once for every form among the members, and sends
them in slices with a turn of the reactor between (L{imtw.sweeps}; joining
costs a sixteenth of sending each).  A member's C{position} says how far in
the queue it has got, so that a sender can be given its own message early,
together with all that came before it, and is not given it twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from twisted.internet.interfaces import IReactorTime

from imtw.events import Event, Logged, Whispered
from imtw.gates import Gate
from imtw.interfaces import IForm
from imtw.limits import Limits, sizeOf
from imtw.model import Membership
from imtw.sessions import Session
from imtw.sweeps import Sweeper
from imtw.told import Told

EVENT_WEIGHT = 256  # bytes an event is taken to have beside its content


class Member:
    """
    A session's place in a live group.
    """

    __slots__ = ("gone", "group", "position", "session")

    def __init__(self, session: Session, group: LiveGroup, position: int) -> None:
        self.session = session
        self.group = group
        self.position = position
        self.gone = False

    def take(self) -> bytes:
        """
        What waits for this one: the caller sends it, the sweep will not.
        """
        group = self.group
        waiting = group.events[self.position - group.base :]
        if not waiting:
            return b""
        self.skip()
        return self.bytesOf(waiting)

    def skip(self) -> None:
        """
        What waits here is sent in another way.
        """
        self.position = self.group.base + len(self.group.events)

    def bytesOf(self, events: Sequence[Event], joined: bytes | None = None) -> bytes:
        """
        Events as this session is to be sent them, which may be nothing.

        @param joined: all of them.  Many who read slowly keep this one
            object, and not a copy each.
        """
        session = self.session
        wanted = events
        if session.lagging or session.outlet.level:
            wanted = [event for event in events if not session.leavesOut(event)]
        if joined is not None and len(wanted) == len(events):
            return joined
        form = session.form
        return b"".join([event.bytesFor(form) for event in wanted])


class LiveGroup(Told):
    """
    A group with at least one session on this node.

    @ivar base: how many events were swept before the first of C{events}.
    @ivar swept: the seq of the last row among them.
    @ivar backlog: bytes of events waiting, about.
    """

    __slots__ = (
        "_backlogMark",
        "_sweeper",
        "_weights",
        "backlog",
        "base",
        "conversation",
        "events",
        "forms",
        "gate",
        "id",
        "name",
        "size",
        "swept",
    )

    def __init__(self, membership: Membership, sweeper: Sweeper, backlogMark: int) -> None:
        super().__init__(membership.head)
        self._backlogMark = backlogMark
        self.id = membership.pair.a
        self.name = membership.name
        self.conversation = membership.conversation
        self.swept = membership.head
        self.forms: dict[IForm, dict[Session, Member]] = {}
        self.events: list[Event] = []
        self._weights: list[int] = []  # of these
        self.base = 0
        self.size = 0
        self.backlog = 0
        self.gate = Gate()
        self._sweeper = sweeper

    @property
    def isFull(self) -> bool:
        """
        Does so much wait that who speaks here is not read for now?
        """
        return self.backlog > self._backlogMark

    def add(self, session: Session) -> Member:
        """
        Let a session take part, from the next event on.
        """
        member = Member(session, self, self.base + len(self.events))
        self.forms.setdefault(session.form, {})[session] = member
        self.size += 1
        return member

    def remove(self, member: Member) -> None:
        """
        This session takes no part any more, not even in a sweep under way.
        """
        member.gone = True
        mates = self.forms[member.session.form]
        del mates[member.session]
        if not mates:
            del self.forms[member.session.form]
        self.size -= 1

    def sessions(self) -> Iterable[Session]:
        """
        All sessions that take part.
        """
        for mates in self.forms.values():
            yield from mates

    def members(self) -> list[Member]:
        """
        Their places, as of now.
        """
        return [member for mates in self.forms.values() for member in mates.values()]

    def post(self, event: Event) -> None:
        """
        Tell everybody, in turn.
        """
        if isinstance(event, Logged):
            self.note(event.message.seq)
        self.events.append(event)
        weight = weightOf(event)
        self._weights.append(weight)
        self.backlog += weight
        self._sweeper.wake(self)

    def seqAt(self, member: Member) -> int:
        """
        The last seq that this member was handed.
        """
        handed = self.events[: member.position - self.base]
        return max([self.swept, *(event.message.seq for event in handed if isinstance(event, Logged))])

    def slices(self, size: int) -> Iterator[None]:
        """
        One sweep: yields after every C{size} sessions served.
        """
        start = self.base
        events = self.events[:]
        end = start + len(events)
        served = 0
        for form, mates in list(self.forms.items()):
            joined = b"".join([event.bytesFor(form) for event in events])
            for member in list(mates.values()):
                position = member.position
                if member.gone or position >= end:
                    continue
                session = member.session
                outlet = session.outlet
                if position != start:
                    data = member.bytesOf(events[position - start :])
                elif session.lagging or outlet.level:
                    data = member.bytesOf(events, joined)
                else:  # almost everybody
                    data = joined
                member.position = end
                if data:
                    outlet.send(data)
                    served += 1
                    if served == size:
                        served = 0
                        yield
        self._swept(events)

    def drop(self) -> None:
        """
        Give up on what waits: it is in the log.
        """
        self._swept(self.events[:])

    def _swept(self, events: list[Event]) -> None:
        """
        All members have these.
        """
        del self.events[: len(events)]
        self.base += len(events)
        self.backlog -= sum(self._weights[: len(events)])
        del self._weights[: len(events)]
        for event in events:
            if isinstance(event, Logged):
                self.swept = max(self.swept, event.message.seq)  # an older message may be told again
        self.gate.open()


def weightOf(event: Event) -> int:
    """
    About how many bytes an event keeps while it waits.
    """
    if not isinstance(event, Logged | Whispered):
        return EVENT_WEIGHT
    message = event.message
    extras = 0 if message.extras is None else sizeOf(message.extras)
    return EVENT_WEIGHT + len(message.content or "") + extras


class LiveGroups:
    """
    The groups that have a session on this node.
    """

    def __init__(self, clock: IReactorTime, limits: Limits, swept: Callable[[LiveGroup], None]) -> None:
        self._groups: dict[str, LiveGroup] = {}
        self._sweeper = Sweeper(clock, limits, swept)
        self._noticed = limits.noticed
        self._backlog = limits.groupBacklog

    def __len__(self) -> int:
        """
        How many there are.
        """
        return len(self._groups)

    def get(self, group: str) -> LiveGroup | None:
        """
        The live group of this id.
        """
        return self._groups.get(group)

    def attach(self, session: Session, membership: Membership) -> LiveGroup:
        """
        Let a session take part in a group it belongs to.  Again is no error.
        """
        id = membership.pair.a
        group = self._groups.get(id)
        if group is None:
            group = self._groups[id] = LiveGroup(membership, self._sweeper, self._backlog)
        if id not in session.members:
            session.takePart(id, group.add(session))
        return group

    def detach(self, session: Session, id: str) -> LiveGroup | None:
        """
        Take a session out of a live group.

        @return: the group, while others are left in it.
        """
        member = session.partFrom(id)
        if member is None:
            return None
        group = member.group
        group.remove(member)
        if group.size:
            return group
        del self._groups[id]
        group.gate.open()
        return None

    def isSmall(self, group: LiveGroup) -> bool:
        """
        Are joins and exits told in it?  Telling all of a large group about
        each of its members costs the square of its size.
        """
        return group.size <= self._noticed
