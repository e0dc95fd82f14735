"""
Servers that are broken on purpose, to see whether the tests notice::

    IMTW_SABOTAGE=early-ack python -m imtw.verify.sabotage --nodaemon jim ...

Nothing but the tests of the tests uses this.  It names what belongs to one
dialect, or to one module alone, as texts: nothing depends on it.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from time import sleep
from typing import Any

from twisted.python.reflect import namedAny


def earlyAck() -> None:
    """
    Acknowledges before the commit.
    """
    from imtw.commands import ChatResult, Reply, Status
    from imtw.delivery import Delivery

    append = Delivery._append

    def appendAndAck(self: Delivery, session: Any, draft: Any) -> Any:
        slot = append(self, session, draft)
        slot.fill(Reply(Status.SENT, ChatResult(draft.id, 1, draft.created)))
        return slot

    Delivery._append = appendAndAck  # type: ignore[method-assign]


def tardy() -> None:
    """
    Takes its time to commit.
    """
    from imtw.persistence.commit import Committer

    commit = Committer.commit

    def commitLater(self: Committer, cursor: sqlite3.Cursor, batch: Any) -> Any:
        sleep(0.02)
        return commit(self, cursor, batch)

    Committer.commit = commitLater  # type: ignore[method-assign]


def unsynced() -> None:
    """
    Leaves it to the system when a commit gets to the disk.
    """
    from imtw.persistence import schema  # before the store, which takes the function from there, is imported

    prepare = schema.prepareWriter

    def prepareLazily(connection: sqlite3.Connection) -> None:
        prepare(connection)
        connection.execute("PRAGMA synchronous = NORMAL")

    schema.prepareWriter = prepareLazily


def politeClose() -> None:
    """
    Waits for a peer that does not read to read, before it closes.
    """
    from imtw.protocols.outlet import TransportOutlet

    def abort(self: TransportOutlet) -> None:
        self._closed = True
        self._queue = None
        self._transport.loseConnection()

    TransportOutlet.abort = abort  # type: ignore[method-assign]


def dieAtOnce() -> None:
    """
    Finishes nothing when it is asked to stop.
    """
    from imtw.tap import Server

    Server.stopService = lambda self: os._exit(0)  # type: ignore[method-assign]


def brazen() -> None:
    """
    Acknowledges what could not be stored.
    """
    from imtw.commands import ChatResult, Reply, Status
    from imtw.delivery import ChatSlot

    ChatSlot.refused = (  # type: ignore[method-assign]
        lambda self, error: self.fill(Reply(Status.SENT, ChatResult("", 1, 1)))
    )


def unchecked() -> None:
    """
    Serves rows whose checksum does not fit.
    """
    from imtw.persistence import rows

    rows.isSound = lambda row: True


def forgetful() -> None:
    """
    Takes no notice of ids, and so of repeats.
    """
    from imtw.handlers.chat import ChatHandler

    handle = ChatHandler.handle

    def handleWithoutId(self: ChatHandler, request: Any, session: Any) -> Any:
        request.id = None
        return handle(self, request, session)

    ChatHandler.handle = handleWithoutId  # type: ignore[method-assign]


def believing() -> None:
    """
    Reads JSON however much there is in it.
    """
    bodies, lenient = namedAny("imtw.protocols.jim.bodies"), namedAny("imtw.protocols.jim.lenient")
    lenient.MAX_NODES = 10**9
    bodies.MAX_NODES = 0  # everything goes the long way
    bodies.isSmall = lenient.isSmall = lambda data: False


def inflating() -> None:
    """
    Unpacks what is packed, without a bound.
    """
    from imtw.protocols.websocket.factory import SocketFactory

    speaker = namedAny("imtw.protocols.jim.socket.JimSpeaker")
    speaker.readsAnything = False  # else a frame that says it is packed is data as it is
    accept = namedAny("autobahn.websocket.compress.PerMessageDeflateOfferAccept")
    init = SocketFactory.__init__

    def initAndAccept(self: SocketFactory, *arguments: Any, **more: Any) -> None:
        init(self, *arguments, **more)
        self.setProtocolOptions(
            maxFramePayloadSize=0,
            maxMessagePayloadSize=0,
            perMessageCompressionAccept=lambda offers: accept(offers[0]),
        )

    SocketFactory.__init__ = initAndAccept  # type: ignore[method-assign]


def leaking() -> None:
    """
    Remembers every session, and a little more.
    """
    from imtw.server import Core

    lost, kept = Core.lost, []

    def lostAndKept(self: Core, session: Any) -> None:
        lost(self, session)
        kept.append((session, bytearray(20_000)))

    Core.lost = lostAndKept  # type: ignore[method-assign]


def stalling() -> None:
    """
    Does something slow now and then, on the reactor's thread.
    """
    from time import sleep

    from twisted.internet.task import LoopingCall

    from imtw.tap import Server

    start = Server.startService

    def startAndStall(self: Server) -> None:
        start(self)
        LoopingCall(sleep, 0.4).start(1.0)

    Server.startService = startAndStall  # type: ignore[method-assign]


def congested() -> None:
    """
    Has the more to do with each message the more of them wait.
    """
    from time import sleep

    from imtw.delivery import Delivery

    append = Delivery._append

    def appendSlowly(self: Delivery, session: Any, draft: Any) -> Any:
        if self._store.waiting > 500:
            sleep(0.0005)
        return append(self, session, draft)

    Delivery._append = appendSlowly  # type: ignore[method-assign]


def queueing() -> None:
    """
    Lets who has a token wait for those who have to be checked.
    """
    from twisted.internet.defer import Deferred

    from imtw.accounts.login import Accounts

    login = Accounts._login

    async def loginInTurn(self: Accounts, name: str, password: str, token: str, address: str, device: str) -> Any:
        if not token:
            return await login(self, name, password, token, address, device)
        return await self._queue.run(
            address, lambda: Deferred.fromCoroutine(login(self, name, password, token, address, device))
        )

    Accounts._login = loginInTurn  # type: ignore[method-assign]


def amnesia() -> None:
    """
    Checks every password as if it came for the first time.
    """
    from imtw.accounts.memory import VerifiedPasswords

    VerifiedPasswords.knows = lambda *_: False  # type: ignore[method-assign]


def unfair() -> None:
    """
    Serves logins in the order in which they came, whoever sends them.
    """
    from imtw.accounts.fair import FairQueue

    run = FairQueue.run
    FairQueue.run = lambda self, address, work: run(self, "", work)  # type: ignore[method-assign]


def piecemeal() -> None:
    """
    Upgrades a database without transactions.
    """
    from time import sleep

    from imtw.persistence import schema

    def upgradeSlowly(connection: sqlite3.Connection) -> None:
        for step, sql in schema.steps():
            if step > schema.versionOf(connection):
                for statement in sql.split(";\n"):
                    connection.executescript(statement)
                    sleep(0.02)
                connection.executescript(
                    f"PRAGMA application_id = {schema.APPLICATION:d}; PRAGMA user_version = {step:d}"
                )

    schema.upgrade = upgradeSlowly  # type: ignore[assignment]


def nothing() -> None:
    """
    The clients do it wrong, and not the server.
    """


def skipping() -> None:
    """
    Reads the log from a row too far on.
    """
    from imtw.catchup import CatchUp

    hold = CatchUp.hold

    def holdFurther(self: CatchUp, conversation: int, pair: Any, seq: int) -> None:
        hold(self, conversation, pair, seq + 1)

    CatchUp.hold = holdFurther  # type: ignore[method-assign]


def unguarded() -> None:
    """
    Lets everybody speak everywhere.
    """
    from imtw.persistence import voices

    voices.check = lambda ledger, draft, head: None


def clinging() -> None:
    """
    Goes on telling those who were taken out of a group.
    """
    from imtw.members import Members

    Members.expelled = lambda self, user, group: None  # type: ignore[method-assign]


def hasty() -> None:
    """
    Takes what is pushed for read, whatever waits before it.
    """
    from imtw.cursors import Cursors

    enter = Cursors.enter
    Cursors.enter = lambda self, user, memberships: enter(self, user, [])  # type: ignore[method-assign]


def gorging() -> None:
    """
    Keeps whatever there is for who does not read.
    """
    outlet = namedAny("imtw.protocols.outlet")
    outlet.kept = lambda transport, most: 0


def sulking() -> None:
    """
    Reads nothing for who had fallen behind and reads again.
    """
    from imtw.catchup import CatchUp

    lag = CatchUp.lag

    def lagForEver(self: CatchUp, conversation: int, pair: Any, seq: int) -> None:
        self.relieved = self._wake = lambda: None  # type: ignore[method-assign]
        lag(self, conversation, pair, seq)
        self._session.outlet.relieved = self.relieved

    CatchUp.lag = lagForEver  # type: ignore[method-assign]


def hoarding() -> None:
    """
    Reads senders on, however many messages wait for a commit.
    """
    from imtw.gates import Gate

    Gate.park = lambda self, waiter: waiter.release()  # type: ignore[method-assign]


def greedy() -> None:
    """
    Reads requests that it cannot handle yet, however many.
    """
    from imtw.protocols.voice import Voice

    Voice.wait = lambda self, held: None  # type: ignore[method-assign]


def restless() -> None:
    """
    Turns and turns once a group was told something.
    """
    from imtw.sweeps import Sweeper

    turn = Sweeper._turn

    def turnAgain(self: Sweeper) -> None:
        turn(self)
        self._clock.callLater(0, self._turn)

    Sweeper._turn = turnAgain  # type: ignore[method-assign]


def miscounting() -> None:
    """
    Counts one unread message too few.
    """
    from imtw.persistence import standings

    seen = standings._seen
    standings._seen = lambda *arguments: seen(*arguments) + 1


def choppy() -> None:
    """
    Takes the first fragment of a WebSocket's message for all of it.
    """
    from imtw.protocols.websocket.carrier import SocketCarrier

    take = SocketCarrier.onMessageFrameData

    def takeFirst(self: SocketCarrier, payload: bytes) -> None:
        if not self.message_data[0]:
            take(self, payload)

    SocketCarrier.onMessageFrameData = takeFirst  # type: ignore[method-assign]


def flattering() -> None:
    """
    Tells easyim's clients that what comes to them has been read already.
    """
    forms = namedAny("imtw.protocols.easyim.forms")
    forms.State.SENT = forms.State.READ


def reticent() -> None:
    """
    Gives easyim's clients nothing of what waits for them.
    """
    from imtw.catchup import CatchUp

    begin = CatchUp.begin

    def beginOthers(self: CatchUp, memberships: Any) -> None:
        begin(self, () if self._session.isFed else memberships)

    CatchUp.begin = beginOthers  # type: ignore[method-assign]


def indulgent() -> None:
    """
    Ends no connection of who has lost the right to it.
    """
    from imtw.attendance import Attendance

    Attendance.cut = lambda self, user, device, token, spared=None: 0  # type: ignore[method-assign]


def credulous() -> None:
    """
    Lets in whoever shows what counts no more since it was looked at.
    """
    from imtw.accounts.holders import Holders

    Holders.revoke = lambda self, digest: 0  # type: ignore[method-assign]
    Holders.end = lambda self, user: None  # type: ignore[method-assign]


SABOTAGES: dict[str, Callable[[], None]] = {
    "early-ack": earlyAck,
    "unsynced": unsynced,
    "polite-close": politeClose,
    "die-at-once": dieAtOnce,
    "tardy": tardy,
    "brazen": brazen,
    "unchecked": unchecked,
    "forgetful": forgetful,
    "believing": believing,
    "inflating": inflating,
    "leaking": leaking,
    "stalling": stalling,
    "congested": congested,
    "queueing": queueing,
    "amnesia": amnesia,
    "unfair": unfair,
    "piecemeal": piecemeal,
    "skipping": skipping,
    "unguarded": unguarded,
    "clinging": clinging,
    "hasty": hasty,
    "miscounting": miscounting,
    "gorging": gorging,
    "sulking": sulking,
    "hoarding": hoarding,
    "greedy": greedy,
    "restless": restless,
    "choppy": choppy,
    "flattering": flattering,
    "reticent": reticent,
    "indulgent": indulgent,
    "credulous": credulous,
    "no-sync": nothing,
}


def main() -> None:
    """
    Break it, then run it.
    """
    from twisted.scripts.twistd import run

    for name in os.environ["IMTW_SABOTAGE"].split(","):
        SABOTAGES[name]()
    run()


if __name__ == "__main__":
    main()
