"""
The world in virtual time: it is always the same, it finds what is broken,
and nothing is.
"""

from __future__ import annotations

import os
import subprocess
import sys

from twisted.trial.unittest import SynchronousTestCase

from imtw.verify.world.telling import many, prepare, told

STORY = 41
MISHAPS = ("stops", "has stopped", "10102", "10105", "did not read")


def story(number: int, hashSeed: str) -> tuple[int, str]:
    """
    A story as the command tells it, in a process of its own.

    @return: the exit status and what was printed.
    """
    environment = {**os.environ, "PYTHONHASHSEED": hashSeed, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-m", "imtw.verify", "--story", str(number)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout


class WorldTests(SynchronousTestCase):
    """
    Some stories.
    """

    def test_kept(self) -> None:
        """
        Every promise is kept, in stories in which much goes wrong.
        """
        prepare()
        happened = set()
        for number in range(25):
            world, broken = told(number)
            self.assertEqual(broken, [], f"imtw verify --story {number}")
            happened |= {word for event in world.events for word in ("crashes", "cut off", "clock", "refused", "stored")
                         if word in event}  # fmt: skip
        self.assertEqual(happened, {"crashes", "cut off", "clock", "refused", "stored"})

    def test_same(self) -> None:
        """
        A number tells the same story in any process, and says that nothing
        is wrong.
        """
        one, other = story(STORY, "1"), story(STORY, "2")
        self.assertEqual(one, other)
        self.assertEqual(one[0], 0, one[1])
        self.assertIn("every promise was kept", one[1])
        self.assertGreater(len(one[1].splitlines()), 20)

    def found(self, sabotage: str, count: int = 20) -> int:
        """
        In how many of so many stories a broken server is found out.
        """
        return sum(len(broken) for _, broken in many(0, count, sabotage))

    def test_earlyAck(self) -> None:
        """
        A server that acknowledges before the commit is found out.
        """
        self.assertGreater(self.found("early-ack"), 0)

    def test_skipping(self) -> None:
        """
        A cursor that is off by one is found out.
        """
        self.assertGreater(self.found("skipping"), 0)

    def test_brazen(self) -> None:
        """
        A server that acknowledges what could not be stored is found out.
        """
        self.assertGreater(self.found("brazen"), 0)

    def test_unguarded(self) -> None:
        """
        A server that lets everybody speak everywhere is found out.
        """
        self.assertGreater(self.found("unguarded", 60), 0)

    def test_miscounting(self) -> None:
        """
        A server that counts an unread message too few is found out.
        """
        self.assertGreater(self.found("miscounting"), 0)

    def test_hasty(self) -> None:
        """
        A server whose cursor passes over what waits for clients without a
        device is found out.
        """
        self.assertGreater(self.found("hasty", 60), 0)

    def test_clinging(self) -> None:
        """
        A server that goes on telling those who have left is found out; that
        takes more stories.
        """
        self.assertGreater(self.found("clinging", 60), 0)

    def test_gorging(self) -> None:
        """
        A server that keeps whatever there is for who does not read is found
        out.
        """
        self.assertGreater(self.found("gorging"), 0)

    def test_sulking(self) -> None:
        """
        A server that never reads the log for who fell behind is found out.
        """
        self.assertGreater(self.found("sulking"), 0)

    def test_hoarding(self) -> None:
        """
        A server that takes whatever senders send, whatever waits for a
        commit, is found out.
        """
        self.assertGreater(self.found("hoarding", 60), 0)

    def test_greedy(self) -> None:
        """
        A server that reads on what it cannot handle yet is found out.
        """
        self.assertGreater(self.found("greedy"), 0)

    def test_restless(self) -> None:
        """
        A server that turns for ever without doing anything is found out, and
        the story ends.
        """
        self.assertGreater(self.found("restless"), 0)

    def test_choppy(self) -> None:
        """
        A server that loses fragments of a WebSocket's messages is found out.
        """
        self.assertGreater(self.found("choppy"), 0)

    def test_flattering(self) -> None:
        """
        A server that tells easyim's clients a wrong status is found out.
        """
        self.assertGreater(self.found("flattering"), 0)

    def test_reticent(self) -> None:
        """
        A server that gives easyim's clients nothing of what waits is found
        out.
        """
        self.assertGreater(self.found("reticent"), 0)

    def test_indulgent(self) -> None:
        """
        A server that leaves people on connections to which they have lost the
        right is found out.
        """
        self.assertGreater(self.found("indulgent"), 0)

    def test_onesided(self) -> None:
        """
        A server that makes only one of two a friend of the other is found
        out; that takes more stories.
        """
        self.assertGreater(self.found("onesided", 40), 0)

    def test_secretive(self) -> None:
        """
        A server that tells who speaks easyim of no invitation that waits is
        found out; that takes more stories.
        """
        self.assertGreater(self.found("secretive", 60), 0)

    def test_gloomy(self) -> None:
        """
        A server that tells nobody who has come is found out; that takes more
        stories.
        """
        self.assertGreater(self.found("gloomy", 40), 0)

    def test_replay(self) -> None:
        """
        What is found in a story is found again when it is told again, and is
        said in words.
        """
        one, other = (dict(found for _, some in many(0, 20, "early-ack") for found in some) for _ in range(2))
        self.assertEqual(one, other)
        self.assertIn("was acknowledged and is not committed", "".join(one[min(one)]))

    def test_everythingHappens(self) -> None:
        """
        In some stories the server is stopped, commits fail, groups are made,
        somebody is refused for who it is, cut for not reading, gets another
        password, loses a device, or is impersonated.
        """
        prepare()
        happened = set()
        for number in range(40):
            world, _ = told(number)
            words = (*MISHAPS, "has a new password", "any more", "is in by a token", "is in by a password")
            happened |= {word for event in world.events for word in words if word in event}
            happened |= {"made" for where, _ in world.record.stays if where.group.startswith("m-")}
        self.assertEqual(happened, {*words, "made"})

    def test_forgetful(self) -> None:
        """
        A server that keeps what is sent again a second time is found out.
        """
        self.assertGreater(self.found("forgetful"), 0)
