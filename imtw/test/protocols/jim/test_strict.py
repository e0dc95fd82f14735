"""
What C{--strict jim} leaves without an answer (docs/wire/jim.rst).
"""

from __future__ import annotations

from imtw.test.protocols.jim.harness import NO_LOBBY, STRICT, QuirkTestCase
from imtw.test.wire import HEARTBEAT, codes, said


class StrictTests(QuirkTestCase):
    """
    C{--strict jim}: what J-IM leaves without an answer (D-4).
    """

    arguments = (*STRICT, *NO_LOBBY)

    async def test_chatTypeAbsent(self) -> None:
        """
        Without a chatType it is 10002 all the same: that is J-IM's own.
        """
        self.assertEqual(codes(await self.ann.ask(11, {"to": "bob", "content": "x"}), 12), [10002])

    async def test_chatTypeOther(self) -> None:
        """
        With one that there is not: silence.
        """
        self.assertEqual(await self.ann.ask(11, {"to": "bob", "chatType": 3, "content": "x"}), [])

    async def test_chatTypeZero(self) -> None:
        """
        With 0: silence, and it is kept as a private message, and told as
        one.
        """
        self.assertEqual(await self.ann.ask(11, {"to": "bob", "chatType": 0, "content": "x"}), [])
        self.assertEqual([one["content"] for one in await self.history("bob")], ["x"])
        bob = await self.ws(self.live.port, "bob")
        self.assertEqual(await self.ann.ask(11, {"to": "bob", "chatType": 0, "content": "y"}), [])
        self.assertEqual(said(await bob.sync()), [("ann", "y")])

    async def test_chatTypeZeroRefused(self) -> None:
        """
        With 0: silence, too, where it cannot be kept, or is not to be; what
        comes behind is answered.
        """
        bob = await self.ws(self.live.port, "bob")
        for chat, heard in (
            ({"id": "x" * 129, "content": "x"}, []),
            ({"content": "x", "extras": {"large": 10**99}}, [("ann", "x")]),
            ({"content": "y", "extras": {"transient": True}}, [("ann", "y")]),
        ):
            self.assertEqual(await self.ann.ask(11, {"to": "bob", "chatType": 0, **chat}), [])
            self.assertEqual(said(await bob.sync()), heard)

    async def test_unreadable(self) -> None:
        """
        What cannot be read: silence, but for 14 and 19, which J-IM itself
        answers.
        """
        for command in (3, 5, 7, 11, 17):
            self.assertEqual(await self.ann.ask(command, b"{"), [], command)
        for command, code in ((14, 10020), (19, 10015)):
            self.assertEqual([one["code"] for one in await self.ann.ask(command, b"{")], [code])

    async def test_still(self) -> None:
        """
        A heartbeat is answered as ever.
        """
        self.ann.say(HEARTBEAT)
        self.assertEqual(await self.ann.hear(), [{"command": 13, "data": {"hbbyte": -128}}])
