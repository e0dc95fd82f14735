"""
A dialect's end of a lane, whatever the dialect and the carrier.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from twisted.internet.defer import Deferred

from imtw.commands import Command, Reply
from imtw.interfaces import IForm
from imtw.lanes import Lane
from imtw.model import Liberty
from imtw.outlet import Outlet
from imtw.server import Core
from imtw.sessions import Session


class Voice:
    """
    Reads and answers on one connection (L{imtw.lanes.Voice}).  A dialect
    says how packets are read and answered; L{imtw.protocols.streamvoice} and
    L{imtw.protocols.socketvoice} how they come and how the connection ends.

    A packet is whatever C{take}, C{read} and C{answer} of the dialect agree
    on.

    @ivar dialect: the dialect's name, given by who recognised it.
    """

    dialect = ""
    core: Core
    session: Session
    lane: Lane
    outlet: Any
    _patience = 0.0
    _isPulling = False
    _isPaused = False

    def begin(
        self, outlet: Outlet, form: IForm, terminal: str, address: str, liberties: Liberty = Liberty.NONE
    ) -> None:
        """
        The connection is there.

        @param terminal: the carrier: C{tcp} or C{ws}.
        """
        self.outlet = outlet
        self.session = self.core.newSession(outlet, form, terminal, address, liberties)
        self.lane = Lane(self.core.dispatcher, self.session, self)
        self.core.voices[self] = None

    def end(self) -> None:
        """
        The connection is gone.
        """
        self.noMoreWaiting()
        self.core.voices.pop(self, None)
        self.lane.close()
        self.core.lost(self.session)

    def waitForLogin(self, seconds: float) -> None:
        """
        End the connection unless L{noMoreWaiting} is called in time.
        """
        self.noMoreWaiting()
        self._patience = seconds
        self.core.deadlines.set(self, seconds)

    def noMoreWaiting(self) -> None:
        """
        Somebody is on this connection now, or nobody need be.
        """
        if self._patience:
            self.core.deadlines.clear(self, self._patience)
            self._patience = 0.0

    def expired(self) -> None:
        """
        Nobody logged in.  Whose login waits for its turn is not to blame:
        after a restart ten thousand of them take minutes.
        """
        if not self.lane.isIdle:
            self.core.deadlines.set(self, self._patience)
            return
        self._patience = 0.0
        self.tooLate()

    def tooLate(self) -> None:
        """
        End the connection of somebody who did not log in.
        """
        self.finish()

    def take(self, packet: Any) -> None:
        """
        Handle a packet, while the lane is not busy: give it to C{lane.take}
        with the code of its command, or answer it here.

        @raise RemoteProtocolError: it is none: hang up.
        """
        raise NotImplementedError

    def read(self, command: Command, packet: Any) -> Struct | Deferred[Struct]:
        """
        The request in a packet; a Deferred where something has to be looked
        up first.
        """
        raise NotImplementedError

    def answer(self, command: Command | None, reply: Reply, packet: Any) -> bytes:
        """
        An answer on the wire; empty where the dialect is silent.
        """
        raise NotImplementedError

    def resume(self) -> None:
        """
        The lane takes packets again.
        """
        if self._isPulling:
            return
        self._pull()
        if self._isPaused and not self.lane.busy:  # all that was kept is handled
            self._isPaused = False
            self.unpause()

    def wait(self, held: int) -> None:
        """
        The lane takes no packets: past C{limits.unparsed} bytes that are
        held the peer is not read.
        """
        if not self._isPaused and held > self.core.limits.unparsed:
            self._isPaused = True
            self.pause()

    def _pull(self) -> None:
        """
        Hand the packets that wait to the lane while it takes them.
        """
        raise NotImplementedError

    def pause(self) -> None:
        """
        Do not read the peer for now.
        """
        raise NotImplementedError

    def unpause(self) -> None:
        """
        Read it again.
        """
        raise NotImplementedError

    def finish(self) -> None:
        """
        End the connection once what was sent is written.
        """
        raise NotImplementedError

    def settled(self, packet: Any, answer: bytes) -> None:
        """
        A packet was answered as it always will be.
        """

    def forget(self) -> None:
        """
        The same packet may be answered in another way from now on.
        """

    def goAway(self) -> None:
        """
        The same, because the server goes.  Over TCP no dialect has a word
        for that.
        """
        self.finish()
