"""
What easyim was recorded to say, imtw says, too: the conversations in
C{conformance/easyim}, on real sockets.
"""

from __future__ import annotations

from imtw.test.conformance.lots import ReplayTestCase, casesIn
from imtw.test.conformance.replay.play import Case
from imtw.test.live import ANY_PORT

ACCOUNTS = ("--auth", "accounts:")
OWN = (*ACCOUNTS, "--port-for", f"easyim={ANY_PORT}", "--port-for", f"easyim-api={ANY_PORT}")
COMMON = (*ACCOUNTS, "--port", ANY_PORT)

#: Without a key there is an upgrade on a port of easyim's own only; elsewhere it is a request for the page.
OWN_ONLY = ("ws-no-key",)


def casesWith(configs: tuple[str, ...], *features: str) -> list[Case]:
    """
    The cases with one of these settings whose names begin with one of some
    words.
    """
    found = [case for case in casesIn("easyim") if case["config"] in configs]
    return [case for case in found if not features or case["name"].partition("-")[0] in features]


FORMATS = ("json", "protobuf")  # both are spoken, by each connection as it likes
DROPPING = ("json-drop", "protobuf-drop")


class ConformanceTests(ReplayTestCase):
    """
    On a port of its own beside one for the API, over a long-lived server with
    SQLite, twice, together with J-IM's; and on the common port.
    """

    async def play(self, *features: str) -> None:
        """
        Play cases on ports of easyim's own.
        """
        cases = casesWith(FORMATS, *features)
        self.assertNotEqual(cases, [])
        await self.replay(cases, *OWN)

    async def test_http(self) -> None:
        """
        Accounts, tokens, friends, and what has no route.
        """
        await self.play("http")

    async def test_texts(self) -> None:
        """
        JSON over TCP: heartbeats, notices, everything that is refused.
        """
        await self.play("json", "raw")

    async def test_protobuf(self) -> None:
        """
        Protobuf over TCP and WebSocket.
        """
        await self.play("pb", "wspb")

    async def test_chat(self) -> None:
        """
        Messages that arrive, now or later.
        """
        await self.play("patched", "mixed")

    async def test_webSocket(self) -> None:
        """
        WebSockets.
        """
        await self.play("ws")

    async def test_idle(self) -> None:
        """
        Who says nothing is dropped.
        """
        await self.replay(casesWith(DROPPING), *OWN, "--dialect", "easyim:dropAfter=2")

    async def test_commonPort(self) -> None:
        """
        Where other dialects are spoken, too, all but HTTP is the same.
        """
        features = ("json", "raw", "pb", "wspb", "patched", "mixed", "ws")
        cases = [case for case in casesWith(FORMATS, *features) if case["name"] not in OWN_ONLY]
        await self.replay(cases, *COMMON, times=1)

    async def test_besideJim(self) -> None:
        """
        One server keeps both dialects' clients apart, however long it lives.
        """
        live = await self.serve(
            *COMMON, "--port-for", f"easyim={ANY_PORT}", "--store", f"sqlite:{self.mktemp()}"
        )
        chats = [case for case in casesIn("jim") if case["name"].startswith(("chat-private", "chat-group"))]
        mine = casesWith(FORMATS, "patched", "mixed")
        for _ in range(2):
            await self.playOn([(chats, live.ports[:1])], 1)
            await self.playOn([(mine, live.ports[1:])], 1)

    def test_allCases(self) -> None:
        """
        Every case that there is, is in one of these tests.
        """
        features = ("http", "json", "raw", "pb", "wspb", "patched", "mixed", "ws")
        played = [*casesWith(FORMATS, *features), *casesWith(DROPPING)]
        self.assertEqual(len(played), len(casesIn("easyim")))
