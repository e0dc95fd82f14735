"""
A client of any dialect, as far as all of them do the same.
"""

from __future__ import annotations

from typing import ClassVar, NamedTuple

from imtw.test.live import Live, LiveTestCase, pause

PASSWORD = "123456"
PATIENCE = 10.0  # seconds for something to be heard


class Line(NamedTuple):
    """
    What somebody said.

    @ivar place: a group, or an empty text for what is private.
    """

    sender: str
    place: str
    text: str


class Guest:
    """
    One client of one user.

    @cvar kind: its dialect, carrier and format.
    @cvar isPrivate: has it private messages?
    @cvar longest: characters of the longest text it may send.
    """

    kind: ClassVar[str]
    isPrivate: ClassVar[bool] = True
    longest: ClassVar[int] = 65536

    def __init__(self, case: LiveTestCase, live: Live, user: str) -> None:
        self.case = case
        self.live = live
        self.user = user

    async def arrive(self) -> None:
        """
        Log in; what came while nobody was here is heard.
        """
        raise NotImplementedError

    async def enter(self, group: str) -> None:
        """
        Be in a group from now on.
        """
        raise NotImplementedError

    async def tell(self, user: str, text: str) -> None:
        """
        Say something to a user; done when it is acknowledged.
        """
        raise NotImplementedError

    async def say(self, group: str, text: str) -> None:
        """
        Say something in a group; done when it is acknowledged.
        """
        raise NotImplementedError

    async def heard(self) -> list[Line]:
        """
        All that others said so far, each once.
        """
        raise NotImplementedError

    async def past(self, place: str) -> list[Line] | None:
        """
        What the client can read of a conversation afterwards, by all who
        spoke; L{None} where its dialect has no such thing.

        @param place: a group, or C{@} and a user.
        """
        return None

    async def takeBack(self, place: str, text: str) -> bool:
        """
        Recall what was said last; L{False} where its dialect has no such
        thing.
        """
        return False

    async def seesRecalled(self) -> int | None:
        """
        How many recalls this client was told of; L{None} where its dialect
        has no words for it.
        """
        return None

    async def go(self) -> None:
        """
        Hang up.
        """
        raise NotImplementedError

    async def hears(self, *lines: Line) -> None:
        """
        These were heard, each once and in this order where they are of one
        conversation, and nothing else.
        """
        waited = 0.0
        while len(await self.heard()) < len(lines) and waited < PATIENCE:
            await pause(0.02)
            waited += 0.02
        found = await self.heard()
        for place in {line.place for line in [*lines, *found]}:
            wanted = [line for line in lines if line.place == place]
            here = [line for line in found if line.place == place]
            if not place:  # private: each partner is a conversation
                wanted.sort(key=lambda line: line.sender)
                here.sort(key=lambda line: line.sender)
            self.case.assertEqual(here, wanted, f"{self.user} on {self.kind} in {place or 'private'}")
