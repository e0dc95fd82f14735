"""
What FastIM was recorded to say, imtw says, too: the conversations in
C{conformance/fastim}, on real sockets.
"""

from __future__ import annotations

from imtw.test.conformance.lots import ReplayTestCase, casesIn
from imtw.test.conformance.replay.play import Case
from imtw.test.live import ANY_PORT

OWN = ("--auth", "accounts:", "--port-for", f"fastim={ANY_PORT}")
COMMON = ("--auth", "accounts:", "--port", ANY_PORT)

#: The settings of the original, by the C{config} of a case.
SETTINGS = {
    None: "loginAuth=0",
    "auth": "loginAuth=1",
    "nojoin": "loginAuth=0:autoJoin=0",
    "short": "loginAuth=0:recallTimeLimit=2:timeout=3:listNum=3",
}

#: On the common port C{/} is everybody's.
ELSEWHERE = ("chat-plain-root",)


def casesWith(config: str | None, *features: str) -> list[Case]:
    """
    The cases with a setting; those whose names begin with one of some words,
    or all.
    """
    found = [case for case in casesIn("fastim") if case["config"] == config]
    return [case for case in found if not features or case["name"].partition("-")[0] in features]


class ConformanceTests(ReplayTestCase):
    """
    On a port of its own over a long-lived server with SQLite, twice; and the
    rooms on the common port.
    """

    async def play(self, config: str | None, *features: str) -> None:
        """
        Play cases on a port of FastIM's own.
        """
        cases = casesWith(config, *features)
        self.assertNotEqual(cases, [])
        await self.replay(cases, *OWN, "--dialect", f"fastim:{SETTINGS[config]}")

    async def test_rooms(self) -> None:
        """
        Rooms.
        """
        await self.play(None, "chat")

    async def test_lists(self) -> None:
        """
        Lists of rooms.
        """
        await self.play(None, "list")

    async def test_http(self) -> None:
        """
        Logins, memberships, and everything that is refused.
        """
        await self.play(None, "auth", "cors", "groups", "join", "login", "method", "page", "path")

    async def test_messages(self) -> None:
        """
        Messages that are asked for, or taken back.
        """
        await self.play(None, "msgs", "old", "recall")

    async def test_loginAuth(self) -> None:
        """
        WebSockets that need a token.
        """
        await self.play("auth")

    async def test_autoJoin(self) -> None:
        """
        Rooms for members only.
        """
        await self.play("nojoin")

    async def test_short(self) -> None:
        """
        Short lives: of messages, of the time to recall them, of the history.
        """
        await self.play("short")

    async def test_commonPort(self) -> None:
        """
        Rooms and lists are the same where other dialects are spoken, too.
        """
        cases = [case for case in casesWith(None, "chat", "list") if case["name"] not in ELSEWHERE]
        await self.replay(cases, *COMMON, "--dialect", f"fastim:{SETTINGS[None]}", times=1)

    def test_allCases(self) -> None:
        """
        Every case that there is, is in one of these tests.
        """
        features = ("auth", "chat", "cors", "groups", "join", "list", "login", "method", "msgs", "old", "page", "path")
        played = [*casesWith(None, *features, "recall"), *(case for key in SETTINGS if key for case in casesWith(key))]
        self.assertEqual(len(played), len(casesIn("fastim")))
