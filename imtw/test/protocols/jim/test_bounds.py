"""
What a client of J-IM's may make a server read, keep and answer has an end
(docs/wire/jim.rst, Closed holes).
"""

from __future__ import annotations

from json import dumps
from typing import Any

from imtw.handlers import queries
from imtw.model import User
from imtw.test.live import LiveTestCase
from imtw.test.protocols.jim.harness import NO_LOBBY, STRICT
from imtw.test.wire import basic, frameOf, private


class BoundTests(LiveTestCase):
    """
    What the original takes and gives without end, over TCP, WebSocket and
    HTTP.
    """

    async def test_unlimitedFrame(self) -> None:
        """
        A frame above the limit ends the connection when its header is there
        (D-2): before a login that is 64 KiB, later 2,202,009 bytes.
        """
        small, large = 64 * 1024, 2202009
        live = await self.serve()
        for size in (small + 1, large, 2**31 - 1):
            stranger = await self.tcp(live.port)
            stranger.write(frameOf(13, b"")[:3] + size.to_bytes(4, "big"))
            await stranger.closed()
            self.assertEqual(stranger.received, b"", size)
        stranger = await self.tcp(live.port)
        stranger.say(13, b" " * small)
        await stranger.hear()
        for size in (large + 1, 2**31 - 1):
            ann = await self.tcp(live.port, "ann")
            ann.write(frameOf(13, b"")[:3] + size.to_bytes(4, "big"))
            await ann.closed()
        ann = await self.tcp(live.port, "ann")
        ann.say(13, b" " * large)
        await ann.upTo(13)

        live = await self.serve(*STRICT)
        stranger = await self.tcp(live.port)
        stranger.say(13, b" " * (small + 1))
        await stranger.hear()

    async def test_unlimitedMessage(self) -> None:
        """
        So does a WebSocket message: above 64 KiB before a login, above
        524,288 bytes later, in one frame or in many.
        """
        small, large = 64 * 1024, 524288
        live = await self.serve()
        beat = b'{"cmd":13}'
        stranger = await self.ws(live.port)
        stranger.send(beat + b" " * small)
        await stranger.closed()
        self.assertEqual((stranger.code, stranger.events), (1009, []))
        stranger = await self.ws(live.port)
        stranger.write(b"\x81\xff" + (small + 1).to_bytes(8, "big") + bytes(4))  # its head is enough
        await stranger.closed()
        self.assertEqual(stranger.code, 1009)
        ann = await self.ws(live.port, "ann")
        ann.send(beat + b" " * (large - len(beat)))
        await ann.upTo(13)
        ann.send(beat + b" " * large)
        await ann.closed()
        self.assertEqual((ann.code, ann.events), (1009, []))
        bob = await self.ws(live.port, "bob")
        bob.send(b" " * small, 0x01)
        for _ in range(large // small):
            bob.send(b" " * small, 0x00)
        await bob.closed()
        self.assertEqual((bob.code, bob.events), (1009, []))

        live = await self.serve(*STRICT)
        stranger = await self.ws(live.port)
        stranger.send(beat + b" " * small)
        await stranger.hear()

    async def test_unlimitedAnswers(self) -> None:
        """
        No answer is longer than a page (D-40): of a history the newest, of
        what is pending the oldest, and only those count as read.
        """
        live = await self.serve("--limit", "page=3")
        await (await self.tcp(live.port, "bob")).closedByUs()
        ann = await self.tcp(live.port, "ann")
        for number in range(5):
            await ann.ask(11, private("bob", str(number)))
        bob = await self.tcp(live.port, "bob")
        bob.say(19, {"cmd": 19, "type": 1, "userId": "bob", "fromUserId": "ann"})
        self.assertEqual(self.ordered((await bob.upTo(20))[-1]), ["2", "3", "4"])
        bob.say(19, {"cmd": 19, "type": 1, "userId": "bob", "fromUserId": "ann", "offset": 0, "count": -1})
        self.assertEqual(len(self.ordered((await bob.upTo(20))[-1])), 3)
        for wanted in (["0", "1", "2"], ["3", "4"], []):
            bob.say(19, {"cmd": 19, "type": 0, "userId": "bob"})
            self.assertEqual(self.ordered((await bob.upTo(20))[-1]), wanted)

    def ordered(self, answer: Any) -> list[str]:
        """
        What Ann said.
        """
        return [one["content"] for one in answer["data"]["friends"].get("ann", [])]

    async def test_unlimitedList(self) -> None:
        """
        A group's list of users has an end, the asker first (D-40).
        """
        live = await self.serve("--list-limit", "3")
        for number in range(5):
            await self.tcp(live.port, f"user{number}")
        ann = await self.tcp(live.port, "ann")
        ann.say(17, {"cmd": 17, "type": 0, "userid": "ann"})
        (group,) = (await ann.upTo(18))[-1]["data"]["groups"]
        self.assertEqual(len(group["users"]), 3)
        self.assertEqual(group["users"][0]["id"], "ann")

    async def test_unlimitedGroups(self) -> None:
        """
        However many groups there are, the whole list has room in half of the
        send budget (D-40): there are fewer users of each, the asker first,
        and then fewer groups, those joined first.
        """
        joined = [f"group{number}" for number in range(12)]
        users = [f"user{number:02}" for number in range(20)]
        for budget, most in ((64_000, 20), (24_000, 10), (1500, 1)):
            live = await self.serve(*NO_LOBBY, "--limit", f"sendBudget={budget}")
            for name in users:
                client = await self.tcp(live.port, name)
                for group in joined:
                    client.say(7, {"cmd": 7, "group_id": group})
                client.say(13, {"cmd": 13})
                await client.upTo(13)
            client.say(17, {"cmd": 17, "type": 0, "userid": "user00"})
            answer = (await client.upTo(18))[-1]
            groups = answer["data"]["groups"]
            self.assertLessEqual(len(dumps(answer, separators=(",", ":"), ensure_ascii=False).encode()), budget // 2)
            self.assertEqual([group["group_id"] for group in groups], joined[: len(groups)])
            listed = [[user["id"] for user in group["users"]] for group in groups]
            if most == 1:
                self.assertTrue(0 < len(groups) < len(joined))
            else:
                self.assertEqual({some[0] for some in listed}, {"user19"})
                self.assertEqual(len(groups), len(joined))
                self.assertTrue(2 <= max(map(len, listed)) <= most, listed)
                self.assertLessEqual(max(map(len, listed)) - min(map(len, listed)), 1)

    async def test_unlimitedFriends(self) -> None:
        """
        Of friends there are as many in an answer as there are users of a
        group, in the order of their ids, however many are passed over; and
        what has room beside the groups.
        """
        self.patch(queries, "FRIENDS_PAGE", 4)
        for options, wanted in ((("--list-limit", "5"), 5), (("--limit", "sendBudget=3000"), 0)):
            live = await self.serve(*NO_LOBBY, *options)
            ann = await self.tcp(live.port, "ann")
            for number in range(20):
                await live.core.store.addAccount(User(f"friend{number:02}", "F" * 30), "")
                await live.core.store.addFriend("ann", f"friend{number:02}", "", 0)
            here = await self.tcp(live.port, "friend15")
            for kind, first, most in ((0, 15, 1), (1, 0, wanted), (2, 0, wanted)):
                (answer,) = await ann.ask(17, {"userid": "ann", "type": kind})
                users = [user["id"] for user in answer["data"]["friends"][0]["users"]]
                self.assertEqual(users, [f"friend{number:02}" for number in range(first, first + len(users))])
                self.assertLessEqual(len(dumps(answer, separators=(",", ":"), ensure_ascii=False).encode()), 1500)
                self.assertTrue(len(users) == most or (not wanted and 1 <= len(users) < 20), users)
            await here.closedByUs()

    async def test_unlimitedName(self) -> None:
        """
        What a group is called is bounded, whoever makes it: it is read for
        all its members.
        """
        live = await self.serve(*NO_LOBBY)
        ann = await self.tcp(live.port, "ann")
        await ann.ask(7, {"group_id": "tea", "name": "T" * 100_000})
        (answer,) = await ann.ask(17, {"userid": "ann", "type": 2})
        self.assertEqual([group["name"] for group in answer["data"]["groups"]], ["T" * 200])
        headers = basic("ann")
        body = {"group": "coffee", "name": "C" * 201}
        refused = await self.http(live.port, "POST", "/api/command/join", body, headers)
        self.assertEqual((refused.status, refused.json["code"]), (400, 10101))
