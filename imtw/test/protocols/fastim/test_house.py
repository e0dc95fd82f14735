"""
Whose FastIM's users are: imtw's accounts, or their own
(L{imtw.protocols.fastim.house}).
"""

from __future__ import annotations

from twisted.internet.defer import Deferred

from imtw.accounts.tokens import digestOf
from imtw.model import MARK, Scope, groupPair
from imtw.protocols.fastim.house import HOUR
from imtw.protocols.fastim.room import RoomSpeaker
from imtw.test.clients import reactor
from imtw.test.live import Live, LogBook
from imtw.test.protocols.fastim.harness import ACCOUNTS, OPEN, FastTestCase
from imtw.test.wire import private


def speakersOf(live: Live) -> list[RoomSpeaker]:
    """
    The server's ends of WebSockets in rooms.
    """
    return [voice for voice in live.core.voices if isinstance(voice, RoomSpeaker)]


class TogetherTests(FastTestCase):
    """
    FastIM's users are imtw's accounts, its rooms imtw's groups.
    """

    async def test_withJim(self) -> None:
        """
        A J-IM client in a group and a FastIM client in the room of that id
        talk; a message has one time for all who know times by it.
        """
        live = await self.serve(*ACCOUNTS)
        bob, token = await self.come(live.port, "g", "bob")
        ann = await self.tcp(live.port, "ann")
        ann.say(7, {"group_id": "g"})
        await ann.upTo(8)
        bob.send(b"from bob")
        [heard] = [event for event in await ann.upTo(11) if event["command"] == 11]
        self.assertEqual((heard["data"]["from"], heard["data"]["content"]), ("bob", "from bob"))
        ann.say(11, {"chatType": 1, "msgType": 0, "group_id": "g", "content": "from ann"})
        own, came = await self.hears(bob, "from bob", "from ann")
        self.assertEqual((came["groupId"], came["userId"]), ("g", "ann"))
        rows = await live.core.store.walk(groupPair("g"), 0, 9)
        self.assertEqual([row.ts for row in rows], [own["ts"], came["ts"]])
        groups = await self.call(live.port, "/user/listGroup", "bob", token)
        self.assertEqual(groups["data"], ["g"])  # and not the lobby

    async def test_onePassword(self) -> None:
        """
        The first login of a name makes the account with that password, for
        all dialects; nobody gets in with another, or without a name.
        """
        live = await self.serve(*ACCOUNTS)
        await self.login(live.port, "bob", "right")
        for user, password in (("bob", "wrong"), ("bob", ""), ("", "right"), ("a" * 65, "x"), ("a\nb", "x")):
            answer = await self.call(live.port, "/user/login", userId=user, password=password)
            self.assertEqual(answer, {"code": 100, "msg": "登录失败", "data": None})
        client = await self.tcp(live.port)
        self.assertLoggedIn(await client.login("bob", password="right"))

    async def test_tokensAreItsOwn(self) -> None:
        """
        FastIM's token lets in nowhere else, nor does another token let in
        here, or with somebody else's name.
        """
        live = await self.serve(*ACCOUNTS)
        token = await self.login(live.port, "bob")
        await self.login(live.port, "cid")
        client = await self.tcp(live.port)
        client.say(5, {"token": token})
        self.assertEqual((await client.upTo(6))[-1]["code"], 10008)
        common, _ = await live.core.accounts.issueToken("bob", "")
        for user, shown in (("bob", common), ("cid", token), ("bob", token.upper()), ("bob", token + "0")):
            room = await self.upgrade(live.port, f"/group/chat/g/{user}/{shown}")
            self.assertEqual(await self.closes(room), 1000)
            self.assertEqual(room.events, [440])
            answer = await self.call(live.port, "/user/listGroup", user, shown)
            self.assertEqual(answer, {"code": 440, "msg": "请登录后访问"})
        self.assertEqual(await live.core.store.groupsOf("bob"), [])

    async def test_notOnline(self) -> None:
        """
        Who is in a room only is not online for private messages: they wait.
        """
        live = await self.serve(*ACCOUNTS)
        bob, _ = await self.come(live.port, "g", "bob")
        ann = await self.tcp(live.port, "ann")
        ann.say(11, private("bob", "secret"))
        self.assertEqual((await ann.upTo(12))[-1]["code"], 10001)
        bob.send(b"x")
        await self.hears(bob, "x")
        self.assertNotIn("secret", str(bob.events))

    async def test_disabled(self) -> None:
        """
        A token dies with its user's password, and is looked at again once an
        hour where it was believed.
        """
        live = await self.serve(*ACCOUNTS)
        bob, token = await self.come(live.port, "g", "bob")
        await live.core.store.setSecret("bob", "another")
        bob.send(b"within the hour")
        await self.hears(bob, "within the hour")
        [speaker] = speakersOf(live)
        speaker._checked -= HOUR
        bob.send(b"later")
        bob.send(b"and later")
        self.assertEqual(await self.closes(bob), 1000)
        self.assertEqual(bob.events[2:], [440])
        self.assertEqual((await self.call(live.port, "/user/listGroup", "bob", token))["code"], 440)

    async def test_replacedToken(self) -> None:
        """
        What a token has opened hears nothing more once another one took its
        place, and ends within two seconds; what the new one opens stays.
        """
        live = await self.serve(*ACCOUNTS, "--dialect", "fastim:updateRate=0.1")
        cid, _ = await self.come(live.port, "g", "cid")
        old = await self.login(live.port, "bob")
        olds = [await self.enter(live.port, "g", "bob", old), await self.upgrade(live.port, f"/group/list/bob/{old}")]
        new = await self.login(live.port, "bob")
        ends = [call for call in reactor.getDelayedCalls() if getattr(call.func, "__name__", "") == "deny"]
        due = [call.getTime() for call in ends]
        self.assertEqual(len(due), len(olds))
        self.assertLess(max(due) - live.core.clock.seconds(), 2)
        news = [await self.enter(live.port, "g", "bob", new), await self.upgrade(live.port, f"/group/list/bob/{new}")]
        cid.send(b"for the new ones")
        for client in olds:
            self.assertEqual(await self.closes(client), 1000)
            self.assertEqual(client.events[-1], 440)
            self.assertNotIn("for the new ones", str(client.events))
        cid.send(b"bye")
        for client in news:
            await client.until(lambda client=client: "bye" in str(client.events), "what is said")  # type: ignore[misc]
            self.assertIn("for the new ones", str(client.events))

    async def test_replacedElsewhere(self) -> None:
        """
        What a token has opened on one node ends in the same way when the
        user logs in on another.
        """
        hub = ("--relay", f"loopback:{self.id()}", *ACCOUNTS)
        here, there = await self.serve(*hub), await self.serve(*hub)
        old = await self.login(here.port, "bob")
        token = await here.core.store.token(digestOf(old))
        assert token is not None
        await there.core.store.addToken(digestOf(old), token)  # as if both had one store
        olds = [await self.enter(here.port, "g", "bob", old), await self.upgrade(here.port, f"/group/list/bob/{old}")]
        before = here.core.clock.seconds()
        await self.login(there.port, "bob")
        for client in olds:
            self.assertEqual(await self.closes(client), 1000)
            self.assertEqual(client.events[-1], 440)
        self.assertLess(here.core.clock.seconds() - before, 2)

    async def test_replacedMeanwhile(self) -> None:
        """
        A token that is replaced while it is looked at lets nobody in.
        """
        live = await self.serve(*ACCOUNTS, "--dialect", "fastim:updateRate=0.1")
        store, token = live.core.store, await self.login(live.port, "bob")
        account = store.account
        waiting: list[Deferred[None]] = [Deferred(), Deferred()]
        asked = list(waiting)

        async def slowly(name: str) -> object:
            await asked.pop(0)
            return await account(name)

        self.patch(store, "account", lambda name: Deferred.fromCoroutine(slowly(name)))
        clients = [await self.upgrade(live.port, f"/group/{path}/{token}") for path in ("chat/g/bob", "list/bob")]
        self.patch(store, "account", account)
        await self.login(live.port, "bob")
        for one in waiting:
            one.callback(None)
        for client in clients:
            self.assertEqual(await self.closes(client), 1000)
            self.assertEqual(client.events, [440])

    async def test_restricted(self) -> None:
        """
        Who is muted is told so at the end; who is taken out is out at once.
        """
        live = await self.serve(*ACCOUNTS)
        bob, _ = await self.come(live.port, "g", "bob")
        cid, _ = await self.come(live.port, "g", "cid")
        await live.core.store.mute("bob", "g", 2**50)
        bob.send(b"x")
        self.assertEqual(await self.closes(bob), 1008)
        live.core.members.expel("cid", "g")
        self.assertEqual(await self.closes(cid), 1000)
        await live.core.store.kick("cid", "g")
        again = await self.upgrade(live.port, f"/group/chat/g/cid/{await self.login(live.port, 'cid')}")
        self.assertEqual(await self.closes(again), 1000)
        self.assertEqual(again.events, [])


class ApartTests(FastTestCase):
    """
    Where nobody has to show who he is, FastIM's users are among themselves.
    """

    async def test_nobodyElse(self) -> None:
        """
        They meet nobody else in a group of the same id, not in the lobby, and
        under no name; nor are they the account of that name.
        """
        live = await self.serve(*ACCOUNTS, *OPEN)
        ann = await self.tcp(live.port, "ann")
        for group in ("g", "100", f"{MARK}fastim{MARK}third"):
            ann.say(7, {"group_id": group})
            await ann.upTo(8)
            fast = await self.enter(live.port, group.rpartition(MARK)[2], "ann")
            self.assertEqual(fast.events, [{"total": 0, "list": []}])
            ann.say(11, {"chatType": 1, "msgType": 0, "group_id": group, "content": "from J-IM"})
            await ann.upTo(12)
            fast.send(b"from FastIM")
            await self.hears(fast, "from FastIM")
            self.assertEqual(len(fast.events), 2)
            fast.hangUp()
            await fast.closed()
        await ann.sync()
        self.assertNotIn("from FastIM", str(ann.events))
        user = f"{MARK}fastim{MARK}ann"
        ann.say(11, private(user, "psst"))
        await ann.upTo(12)
        found = await live.core.store.standings(user, None, 9)
        self.assertEqual({standing.pair.scope for standing in found}, {Scope.GROUP})

    async def test_tokenIsWorthless(self) -> None:
        """
        A token that anybody gets for the asking is worth nothing elsewhere.
        """
        live = await self.serve(*ACCOUNTS, *OPEN)
        ann = await self.tcp(live.port, "ann")
        token = await self.login(live.port, "ann", "not Ann's")
        client = await self.tcp(live.port)
        client.say(5, {"loginname": "ann", "token": token})
        self.assertEqual((await client.upTo(6))[-1]["code"], 10008)
        ann.say(11, {"chatType": 1, "msgType": 0, "group_id": "100", "content": "in the lobby"})
        await ann.upTo(12)
        read = await self.call(live.port, "/group/listMessage", "ann", token, groupId="100", startPage=0, endPage=-1)
        self.assertEqual(read["data"], [])

    async def test_anyText(self) -> None:
        """
        Ids are any text there, up to a length.
        """
        live = await self.serve(*OPEN)
        for group in ("*", "?", "mq:1", " x ", "\n", "a" * 255, "中" * 255, "'; DROP TABLE groups; --", "\x1f"):
            client = await self.enter(live.port, group, group)
            client.send(b"hello")
            [said] = await self.hears(client, "hello")
            self.assertEqual((said["groupId"], said["userId"]), (group, group))
        for path in (f"/group/chat/{'a' * 256}/1/x", f"/group/chat/1/{'a' * 256}/x", f"/group/chat/{'b' * 10240}/1/x"):
            client = await self.upgrade(live.port, path)
            self.assertEqual(await self.closes(client), 1008)
            self.assertEqual(client.events, [])
        self.assertNothingLogged()

    async def test_loud(self) -> None:
        """
        The operator is told.
        """
        log = LogBook(self)
        await self.serve(*OPEN)
        self.assertIn("!!! fastim: loginAuth=0", log.text)
        await self.serve("--strict", "fastim")
        self.assertIn("!!! fastim: --strict fastim", log.text)
        quiet = LogBook(self)
        await self.serve()
        self.assertNotIn("fastim", quiet.text)
