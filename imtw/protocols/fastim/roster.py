"""
Lists of rooms: C{/group/list/USER/TOKEN}.

Who watches one is pushed all rooms of a user, with the last message of each,
whenever that has changed.  A user's list is one L{Roster}, however many
WebSockets watch it, and follows the user's groups; what changes there rings
its L{Bell}.  Once in a while what rang is read (L{Entries}) and shown.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from imtw.commands import Command, Reply
from imtw.faults import report
from imtw.model import User
from imtw.outlet import Outlet
from imtw.protocols.fastframes import BINARY, TEXT
from imtw.protocols.fastim.entries import Entries
from imtw.protocols.fastim.forms import END, BellForm
from imtw.protocols.fastim.house import House
from imtw.protocols.fastim.room import BROKEN, FastSpeaker
from imtw.protocols.fastim.texts import roomList
from imtw.protocols.framing import frame
from imtw.sessions import Session

BELLS = BellForm()


class Bell(Outlet):
    """
    The way out of a roster's session: what is sent there are the ids of
    rooms in which something has changed.
    """

    __slots__ = ("_board", "_roster")

    def __init__(self, board: Board, roster: Roster) -> None:
        self._board = board
        self._roster = roster

    def send(self, data: bytes) -> None:
        """
        Something has changed there.
        """
        self._board.ring(self._roster, [id.decode() for id in data.split(END)[:-1]])

    def close(self) -> None:
        """
        The user is to be cut: so is who watches.
        """
        for speaker in list(self._roster.watching):
            speaker.finish()


class Roster:
    """
    A user's list of rooms.

    @ivar watching: the WebSockets that show it, and what each showed last.
    @ivar shown: the rooms it has.
    """

    def __init__(self, board: Board, user: User) -> None:
        self.user = user
        self.watching: dict[RosterSpeaker, State] = {}
        self.shown: list[str] = []
        self.isReady = False
        self.session: Session = board.core.newSession(Bell(board, self), BELLS, "ws", "")


State = tuple[tuple[str, int], ...]  # (room, the mark of what is shown)


class Board:
    """
    All lists of rooms that somebody watches.
    """

    log = Logger()

    def __init__(self, house: House) -> None:
        self.house = house
        self.core = house.core
        self._entries = Entries(house)
        self._rosters: dict[str, Roster] = {}
        self._changed: dict[Roster, None] = {}
        self._timer: IDelayedCall | None = None
        self._isBusy = False
        self._isStopped = False

    def start(self) -> None:
        """
        Nothing is watched yet.
        """

    def stop(self) -> None:
        """
        Show nothing any more.
        """
        self._isStopped = True
        if self._timer is not None and self._timer.active():
            self._timer.cancel()

    async def watch(self, speaker: RosterSpeaker, user: User) -> None:
        """
        Show somebody a user's list, and what becomes of it.
        """
        roster = self._rosters.get(user.id)
        isFirst = roster is None
        if roster is None:
            roster = self._rosters[user.id] = Roster(self, user)
        roster.watching[speaker] = ()
        speaker.roster = roster
        if isFirst:
            try:
                await self.core.attendance.follow(roster.session, user)
            except BaseException:
                for other in list(roster.watching):
                    other.close(BROKEN, "the list cannot be read now")
                raise
            roster.isReady = True
        if roster.isReady and roster.watching:  # all may have gone meanwhile
            self._changed[roster] = None
            self._refresh()

    def unwatch(self, speaker: RosterSpeaker, roster: Roster) -> None:
        """
        Somebody watches no more.
        """
        del roster.watching[speaker]
        if not roster.watching:
            del self._rosters[roster.user.id]
            self._changed.pop(roster, None)
            self.core.lost(roster.session)
            self._use(roster, [])

    def ring(self, roster: Roster, rooms: list[str]) -> None:
        """
        Something has changed in rooms that a list shows.
        """
        self._entries.ring(rooms)
        self._changed[roster] = None
        if self._timer is None and not (self._isBusy or self._isStopped):
            self._timer = self.core.clock.callLater(self.house.options.updateRate, self._refresh)

    def emptied(self, room: str) -> None:
        """
        A room's messages are gone.
        """
        live = self.core.groups.get(room)
        for session in live.sessions() if live is not None else ():
            if session.follows and isinstance(session.outlet, Bell):
                session.outlet.send(room.encode("utf-8", "replace") + END)

    def _refresh(self) -> None:
        """
        Read what has changed, and show it.
        """
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None
        if not self._isBusy:
            self._isBusy = True
            Deferred.fromCoroutine(self._read()).addErrback(self._failed).addBoth(self._rest)

    def _rest(self, result: object) -> None:
        """
        What rang meanwhile waits for its turn.
        """
        self._isBusy = False
        if self._changed and self._rosters and not self._isStopped:
            self._timer = self.core.clock.callLater(self.house.options.updateRate, self._refresh)

    def _failed(self, failure: Failure) -> None:
        """
        It could not be read: it will be asked for again.
        """
        report(self.log, failure, "fastim: lists of rooms")

    async def _read(self) -> None:
        """
        Read what has changed, then show each list to who watches it.
        """
        changed, self._changed = self._changed, {}
        try:
            for roster in changed:
                self._use(roster, list(roster.session.members))
            await self._entries.read(dict.fromkeys(room for roster in changed for room in roster.shown))
            for roster in list(changed):
                await self._show(roster)
                del changed[roster]
        finally:
            left = {roster: None for roster in changed if roster.watching}
            self._changed = {**left, **self._changed}

    def _use(self, roster: Roster, rooms: list[str]) -> None:
        """
        A list shows these rooms now.
        """
        self._entries.use(rooms, roster.shown)
        roster.shown = rooms

    async def _show(self, roster: Roster) -> None:
        """
        Push a list to those who were shown another one: the rooms with the
        newest messages first.
        """
        rooms = [(id, self._entries.stand(id)) for id in roster.shown]
        rooms.sort(key=lambda each: -each[1].ts)
        state: State = tuple((id, room.mark) for id, room in rooms)
        hasAny = any(room.total for _, room in rooms)
        shown = [speaker for speaker, before in roster.watching.items() if state != before and (before or hasAny)]
        if not shown:
            return
        texts = await self._entries.texts([id for id, _ in rooms], self.core.limits.answer)
        data = frame(roomList(texts, self.house.options.strict).encode("utf-8", "replace"))
        for speaker in shown:
            if speaker in roster.watching:
                roster.watching[speaker] = state
                speaker.outlet.send(data)


class RosterSpeaker(FastSpeaker):
    """
    One WebSocket that shows a list of rooms.  What comes is ignored.
    """

    ignores = frozenset({BINARY, TEXT})
    roster: Roster | None = None

    def __init__(self, house: House, board: Board, user: str, token: str) -> None:
        super().__init__(house, user, token)
        self._board = board

    async def enter(self) -> None:
        """
        Begin to watch.
        """
        user = await self.admitted()
        if user is not None and self.session.ended is not None:
            self.core.sessions.visit(self.session, user)
            await self._board.watch(self, user)

    def received(self, payload: bytes, isBinary: bool) -> None:
        """
        Nobody listens.
        """

    def leave(self) -> None:
        """
        Watch no more.
        """
        roster, self.roster = self.roster, None
        if roster is not None:
            self._board.unwatch(self, roster)

    def closed(self) -> None:
        """
        The connection is gone.
        """
        self.leave()
        super().closed()

    def answer(self, command: Command | None, reply: Reply, packet: object) -> bytes:
        """
        Nothing is asked.
        """
        return b""
