"""
Who is told of what, and who may say it.
"""

from __future__ import annotations

from typing import Any

from twisted.python.reflect import namedAny


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


def secretive() -> None:
    """
    Tells who speaks easyim of no invitation that waits.
    """
    voice = namedAny("imtw.protocols.easyim.voice")
    voice.EasyimVoice._greet = lambda self: None


def gloomy() -> None:
    """
    Tells who has gone, and never who has come.
    """
    from imtw.presence import Watches

    changed = Watches.changed
    Watches.changed = (  # type: ignore[method-assign]
        lambda self, user, online: None if online else changed(self, user, online)
    )
