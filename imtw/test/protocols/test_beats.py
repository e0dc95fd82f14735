"""
Heartbeats that are said once more are answered from memory, and nothing else
is.
"""

from __future__ import annotations

import os
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from imtw.commands import HEARTBEAT, Reply
from imtw.protocols.easyim.tokens import Tokens
from imtw.protocols.jim.dialect import JimDialect
from imtw.protocols.streamvoice import GUESSES, LONGEST
from imtw.server import Core
from imtw.tap import makeCore
from imtw.test.distributions import optionsFor
from imtw.test.protocols.easyim.harness import BEAT as KEEP_ALIVE
from imtw.test.protocols.easyim.harness import TalkTestCase
from imtw.test.wire import frameOf

BEAT = frameOf(13, b'{"cmd":13,"hbbyte":"-127"}')
HISTORY = frameOf(19, b'{"cmd":19,"type":0,"userId":"ann"}')
LOGIN = frameOf(5, b'{"cmd":5,"loginname":"ann","password":"p"}')


def withoutSlow() -> dict[str, str]:
    """
    The environment, in which no fast path is switched off.
    """
    return {name: value for name, value in os.environ.items() if name != "IMTW_SLOW"}


def counted(case: Any, core: Core) -> list[int]:
    """
    The codes of the commands whose handlers are asked.
    """
    asked: list[int] = []
    call = core.dispatcher.call

    def counting(handler: Any, *args: Any) -> Any:
        asked.append(handler.command.code)
        return call(handler, *args)

    case.patch(core.dispatcher, "call", counting)
    return asked


class BeatTests(SynchronousTestCase):
    """
    One J-IM client over TCP.
    """

    def setUp(self) -> None:
        """
        It is logged in.
        """
        self.patch(os, "environ", withoutSlow())
        self.begin()

    def begin(self, *slow: str) -> None:
        """
        Start a server, and log in.
        """
        self.clock = Clock()
        options = optionsFor("--auth=anyone:", "--lobby=none", *(f"--slow={path}" for path in slow))
        self.core = makeCore(options, self.clock)
        self.successResultOf(Deferred.fromCoroutine(self.core.open()))
        self.protocol = JimDialect(self.core, False, {})._stream()
        self.transport = StringTransport()
        self.protocol.makeConnection(self.transport)
        self.ask(LOGIN)
        self.asked = counted(self, self.core)

    def ask(self, data: bytes) -> bytes:
        """
        Send some bytes; what comes back.
        """
        self.transport.clear()
        self.protocol.dataReceived(data)
        self.clock.advance(0)
        sent: bytes = self.transport.value()
        return sent

    def test_again(self) -> None:
        """
        The first one is taken apart, the others are not.
        """
        answers = {self.ask(BEAT) for _ in range(5)}
        self.assertEqual(self.asked, [13])
        self.assertEqual(answers, {frameOf(13, b'{"command":13,"data":{"hbbyte":-128}}', 0x51)})

    def test_slow(self) -> None:
        """
        Without the fast path all are.
        """
        self.begin("beats")
        answers = {self.ask(BEAT) for _ in range(5)}
        self.assertEqual((self.asked, len(answers)), ([13] * 5, 1))

    def test_pieces(self) -> None:
        """
        What is read together with something else is neither learnt nor
        known.
        """
        one = self.ask(BEAT)
        self.asked.clear()
        self.assertEqual(self.ask(BEAT + BEAT), one * 2)
        self.assertEqual(self.ask(HISTORY[:5]), b"")
        self.assertTrue(self.ask(HISTORY[5:] + BEAT).endswith(one))
        self.assertEqual(self.asked, [13, 13, 19, 13])
        self.assertEqual(self.ask(BEAT[:9]), b"")
        self.assertEqual(self.ask(BEAT[9:]), one)
        self.assertEqual(self.asked[4:], [13])
        self.assertEqual(self.ask(BEAT), one)
        self.assertEqual(self.asked[5:], [])

    def test_inside(self) -> None:
        """
        Bytes that look like a heartbeat within a body are a part of it.
        """
        self.ask(BEAT)
        whole = frameOf(19, b'{"a":"' + BEAT + b'"}')
        begin = whole.index(BEAT, 7)
        self.asked.clear()
        answers = b"".join(self.ask(part) for part in (whole[:begin], BEAT, whole[begin + len(BEAT) :]))
        self.assertEqual((self.asked, answers.count(b"hbbyte")), ([19], 0))

    def test_turn(self) -> None:
        """
        An answer does not come before one that is due earlier.
        """
        one = self.ask(BEAT)
        late: Deferred[Reply] = Deferred()
        handler: Any = self.core.registry.byCode[17]
        self.patch(type(handler), "handle", lambda self, request, session: late)
        self.assertEqual(self.ask(frameOf(17, b'{"cmd":17,"userid":"ann","type":0}')), b"")
        self.assertEqual(self.ask(BEAT), b"")
        self.transport.clear()
        late.callback(Reply())
        self.clock.advance(0)
        self.assertTrue(self.transport.value().endswith(one))

    def test_others(self) -> None:
        """
        A handler that does not say so is asked each time.
        """
        handler: Any = self.core.registry.byCode[HEARTBEAT.code]
        handler._reply = Reply()
        for _ in range(5):
            self.ask(BEAT)
        self.assertEqual(self.asked, [13] * 5)

    def test_different(self) -> None:
        """
        The last one is known; one that is long is not, and one that is always
        another is soon not looked at.
        """
        beats = [frameOf(13, b'{"hbbyte":"%d"}' % number) for number in range(GUESSES + 2)]
        for beat in beats:
            self.ask(beat)
            self.ask(beat)
        self.assertEqual(self.asked, [13] * (len(beats) + 2))
        self.begin()
        long = frameOf(13, b'{"hbbyte":"1"%s}' % (b" " * LONGEST))
        for _ in range(3):
            self.ask(long)
        self.assertEqual(self.asked, [13] * 3)

    def test_closed(self) -> None:
        """
        Nothing is answered on a connection that ends.
        """
        self.ask(BEAT)
        self.protocol.finish()
        self.assertEqual(self.ask(BEAT), b"")


class EasyimTests(TalkTestCase):
    """
    The same for easyim's heartbeats, which have a token and keep a connection
    alive.
    """

    async def prepare(self) -> None:
        self.patch(os, "environ", withoutSlow())
        await super().prepare()

    async def test_again(self) -> None:
        """
        From memory, until another token was shown; who is heard of only so
        is not idle.
        """
        await self.register("ann")
        first = self.tokens["ann"]
        ann = await self.come("ann")
        asked = counted(self, self.live.core)
        beat = self.message("ann", id="b", msg_type=4, content=KEEP_ALIVE)
        for number in range(2, 7):
            self.live.later(100)
            ann.put(beat)
            await ann.until(lambda: len(ann.messages()) == number, "an acknowledgement")  # noqa: B023
        self.assertEqual(asked, [13])
        self.assertEqual(ann.messages()[2:], ann.messages()[1:2] * 4)
        self.patch(Tokens, "now", property(lambda tokens: int(tokens._clock.seconds()) + 5))
        login = await self.call("POST", "/api/user/login", {"account": "ann", "password": "123456"})
        self.tokens["ann"] = login["data"]["access_token"]
        await self.ask(ann, self.message("ann", id="other", msg_type=4, content=KEEP_ALIVE))
        self.assertNotEqual(first, self.tokens["ann"])
        ann.put(beat)
        await ann.until(lambda: len(ann.messages()) == 8, "an acknowledgement")
        self.assertEqual(asked, [13] * 3)
