"""
Who may do what (S10): every command there is, by everybody, on every carrier.

A command without a row in L{imtw.test.matrix.ROWS} fails: say there what
becomes of it, one line for each thing that can be tried with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import Any

from imtw.commands import Command
from imtw.model import User, groupPair, privatePair
from imtw.test.accounts.fakes import CHEAP
from imtw.test.clients import StreamClient, Talker
from imtw.test.live import Live, LiveTestCase
from imtw.test.matrix import HANGUP, NO_CODE, PASSWORD, ROLES, ROWS, SILENCE, Facts, Row
from imtw.test.wire import basic, private, public

INSIDERS = ("member", "operator")  # who may know what is said in the team
STRICT = ("--strict", "jim")
JIM = range(1, 21)  # codes whose bodies J-IM has its own spelling for
CLIENTS_KNOW = {1, 3, 5, 7, 11, 13, 14, 17, 19}  # codes whose answers have J-IM's statuses alone
OWN_STATUSES = 10100
REFUSALS = {10002, 10004, 10008, 10010, 10012, 10015, 10017, 10020, *range(10101, 10200)}
NOTICES = (9, 10)  # of who comes and goes
QUIETLY = ("--lobby", "none")
CHANGING = {"join", "chat", "close", "recall", "leave"}  # so that what is seen of them can be relied on
SECRET = CHEAP.hash(PASSWORD)
BOB_AND_CID = 2  # in the state of a scene


def filled(value: Any, names: dict[str, str]) -> Any:
    """
    A body with the names of one cell in it.
    """
    if isinstance(value, dict):
        return {key: filled(one, names) for key, one in value.items()}
    if isinstance(value, list):
        return [filled(one, names) for one in value]
    return value.format_map(names) if isinstance(value, str) else value


class Scene:
    """
    The people of one cell, and their group.

    @ivar names: what they are called; nobody else is.
    """

    _numbers = count(1)

    def __init__(self, case: MatrixTests, live: Live, role: str) -> None:
        self._case = case
        self._live = live
        self.role = role
        number = next(self._numbers)
        words = ("caller", "bob", "cid", "club", "team", "new", "his", "mine", "theirs", "secret", "inside")
        self.names = {word: f"{word}{number}x" for word in words}
        self.bob: StreamClient

    @property
    def caller(self) -> str:
        """
        Whom to log in, if anybody.
        """
        return "" if self.role == "anonymous" else self.names["caller"]

    async def prepare(self) -> None:
        """
        Let Bob in, and what the caller was before.
        """
        names, live = self.names, self._live
        self.bob = await self._case.tcp(live.port, names["bob"])
        await self.bob.ask(7, {"cmd": 7, "group_id": names["club"]})
        await self.bob.ask(11, public(names["club"], "x", id=names["his"]))
        await self.bob.ask(11, private(names["cid"], names["secret"], id=names["theirs"]))
        self.names["token"] = (await self.bob.ask(119, {"cmd": 119}))[-1]["data"]["token"]
        if self.role == "anonymous":
            return
        if self.role == "operator":
            caller = names["caller"]
            self._case.assertTrue(await live.core.store.addAccount(User(caller, caller, operator=True), SECRET))
        past = await self._case.tcp(live.port, names["caller"])
        if self.role in ("member", "ex-member"):
            await past.ask(7, {"cmd": 7, "group_id": names["club"]})
        await past.ask(11, public(names["club"], "x", id=names["mine"]))
        if self.role == "ex-member":
            await past.ask(100, {"cmd": 100, "group": names["club"]})
        await past.closedByUs()

    async def found(self) -> None:
        """
        Let Bob make his team.  It is later than all the rest, because a
        strict J-IM forgets a user's groups when it logs in.
        """
        names, core = self.names, self._live.core
        isIn = self.role in ("member", "ex-member")
        members = [names["caller"]] if isIn else []
        events = await self.bob.ask(111, {"cmd": 111, "name": "n", "group": names["team"], "members": members})
        self._case.assertEqual(events[-1]["code"], 10100, events)
        await self.bob.ask(11, public(names["team"], names["inside"]))
        if self.role == "ex-member":
            self._case.assertTrue(await core.members.leave(User(names["caller"], ""), names["team"]))
        await self.bob.sync()

    async def state(self) -> Facts:
        """
        All that somebody could have changed.
        """
        core, names = self._live.core, self.names
        store = core.store
        pairs = [
            groupPair(names["club"]),
            groupPair(names["team"]),
            *(privatePair(names[a], names[b]) for a, b in (("bob", "cid"), ("bob", "caller"), ("caller", "cid"))),
        ]
        rows = [await store.history(pair, None, None, None, None) for pair in pairs]
        return {
            "rows": [[(row.sender, row.content) for row in found] for found in rows],
            "ranks": [
                place and place.role
                for who in ("bob", "caller")
                for group in ("club", "team")
                for place in [await store.membership(names[who], names[group])]
            ],
            "groups": [[group.id for group in await store.groupsOf(names[who])] for who in ("bob", "caller", "cid")],
            "token": await core.accounts.checkToken(names["token"]),
            "pending": [len(found) for _, found in await store.pending(names["cid"], None, 100)],
            "told": await self.told(),
            "Bob is there": not self.bob.isClosed,
        }

    async def told(self) -> list[Any]:
        """
        What Bob has heard since somebody asked last.
        """
        try:
            return [event for event in await self.bob.sync() if event["command"] not in NOTICES]
        except AssertionError:
            if not self.bob.isClosed:
                raise
            return []


class MatrixTests(LiveTestCase):
    """
    The cells of L{ROWS}.
    """

    timeout = 60

    async def serveFor(self, *arguments: str) -> Live:
        """
        A server for which a caller over HTTP is as foreign as any other.
        """
        file = self.mktemp()
        with open(file, "w", encoding="utf-8") as stream:
            stream.write("correct horse battery staple")
        live = await self.serve("--auth", "accounts:", "--api-secret-file", file, *QUIETLY, *arguments)
        accounts: Any = live.core.accounts
        accounts._hashes._hasher = CHEAP  # else every cell takes 0.1 s
        return live

    async def fill(self, carrier: str, live: Live, isStrict: bool = False, rows: Sequence[Row] = ROWS) -> None:
        """
        Try every cell of one carrier.
        """
        handlers = live.core.registry.byName
        cells, violations = 0, []
        self.changing = set[str]()
        for row in rows:
            if row.command not in handlers:
                continue
            command = handlers[row.command].command
            wanted = ((isStrict and row.strict) or getattr(row, carrier, "") or row.ends).split()
            self.assertEqual(len(wanted), len(ROLES), row)
            for role, end in zip(ROLES, wanted, strict=True):
                violations += await self.cell(carrier, live, row, command, role, end, isStrict)
                cells += 1
        total = len(ROLES) * sum(row.command in handlers for row in rows)
        print(f"{cells} of {total} cells tested, {len(violations)} violations", end=" ")
        self.assertFalse(violations, "\n".join(violations))
        changing = CHANGING & {row.command for row in rows}
        self.assertEqual(changing - self.changing, set(), "these are seen to change nothing, whoever tries")

    async def cell(
        self, carrier: str, live: Live, row: Row, command: Command, role: str, end: str, isStrict: bool
    ) -> list[str]:
        """
        Try one thing.

        @return: what is wrong with what came of it.
        """
        scene = Scene(self, live, role)
        await scene.prepare()
        if carrier != "http":
            client = await (self.tcp if carrier == "tcp" else self.ws)(live.port, scene.caller)
            if role == "member":  # a strict J-IM has forgotten it
                await client.ask(7, {"cmd": 7, "group_id": scene.names["club"]})
            await client.sync()
        await scene.found()
        before = await scene.state()
        if carrier == "http":
            met, received = await self.overHTTP(live, row, command, scene)
        else:
            met, received = await self.overSocket(client, row, command, scene)
            end = inJim(command, end)
        after = await scene.state()
        wrong = [] if met == end else [f"{met}, wanted {end}"]
        if after != before:
            self.changing.add(row.command)
        isRefused = end.isdigit() and int(end) in REFUSALS
        if isRefused and after != before:
            wrong.append(f"refused, and yet {before} is now {after}")
        if not isStrict and after["rows"][BOB_AND_CID] != before["rows"][BOB_AND_CID]:
            wrong.append("somebody speaks for others")
        told = {event["data"].get("from") for event in after["told"] if event["command"] == 11}
        if told - {scene.names["caller"]} and not isStrict:
            wrong.append(f"Bob heard {told}")
        if scene.names["secret"].encode() in received and not isStrict:
            wrong.append("the caller has read what Bob has told Cid")
        if scene.names["inside"].encode() in received and role not in INSIDERS:
            wrong.append("the caller has read what was said in Bob's team")
        if live.core.sessions.online(scene.names["caller"]) and carrier == "http":
            wrong.append("a request over HTTP leaves a session")
        await scene.bob.closedByUs()
        return [f"{row.command} {row.what} by {role} over {carrier}: {one}" for one in wrong]

    async def overSocket(self, client: Talker, row: Row, command: Command, scene: Scene) -> tuple[str, bytes]:
        """
        Try it on a connection of J-IM's.

        @return: what came of it, and all that was received.
        """
        await client.sync()
        already = len(client.received)
        body = filled(row.jim if command.code in JIM else row.body, scene.names)
        client.say(command.code, {**body, "cmd": command.code})
        events: list[Any] = []
        try:
            events = await (client.hear() if command.name == "heartbeat" else client.sync())
        except AssertionError:
            if not client.isClosed:
                raise
        isOver = client.isClosed or getattr(client, "code", None) is not None
        await client.closedByUs()
        answers = [event for event in events if event["command"] in (command.replyCode, 0)]
        self.assertLess(len(answers), 2, answers)
        end = HANGUP if isOver else str(answers[0].get("code", NO_CODE)) if answers else SILENCE
        return end, client.received[already:]

    async def overHTTP(self, live: Live, row: Row, command: Command, scene: Scene) -> tuple[str, bytes]:
        """
        Try it with one request.
        """
        path, headers = f"/api/command/{command.name}", basic(scene.caller)
        answer = await self.http(live.port, "POST", path, filled(row.body, scene.names), headers)
        return str(answer.json.get("code", NO_CODE)), answer.body

    async def test_blocked(self) -> None:
        """
        Whoever Bob has blocked reaches him with nothing, whatever it tries,
        on any carrier; unblocked it does.
        """
        tried: list[tuple[int, Facts, Facts]] = [
            (11, private("bob", "x"), {"to": "bob", "content": "x"}),
            (11, private("bob", "x", extras={"transient": True}), {"to": "bob", "content": "x", "transient": True}),
            (102, {"to": "bob", "seq": 1}, {}),
            (104, {"to": "bob"}, {}),
            (105, {"user": "bob"}, {}),
            (106, {"user": "bob"}, {}),
            (15, {"to": "bob", "id": "taken"}, {}),
            (110, {"to": "bob", "id": "told", "content": "y"}, {}),
        ]
        live = await self.serveFor()
        bob = await self.tcp(live.port, "bob", device="phone")
        mallory = [await make(live.port, "mallory") for make in (self.tcp, self.ws)]
        for id in ("told", "taken"):
            await mallory[0].ask(11, private("bob", "x", id=id))
        await bob.ask(105, {"user": "mallory"})
        for isBlocked in (True, False):
            heard = set() if isBlocked else {16 if code == 15 else code for code, _, _ in tried}
            await bob.ask(115, {"user": "mallory", "blocked": isBlocked})
            await bob.sync()
            for code, asJim, asRoute in tried:
                for client in mallory:
                    await client.ask(code, asJim)
                path = f"/api/command/{live.core.registry.byCode[code].command.name}"
                await self.http(live.port, "POST", path, asRoute or asJim, basic("mallory"))
            told = {event["command"] for event in await bob.sync() if event["command"] not in NOTICES}
            self.assertEqual(told, heard)

    async def test_everyCommand(self) -> None:
        """
        Every command has a row.
        """
        live = await self.serveFor()
        known = {row.command for row in ROWS}
        missing = [handler.command.name for handler in live.core.registry if handler.command.name not in known]
        self.assertEqual(missing, [], "commands without a row in imtw.test.matrix.ROWS")

    async def test_tcp(self) -> None:
        """
        Over TCP.
        """
        await self.fill("tcp", await self.serveFor())

    async def test_webSocket(self) -> None:
        """
        Over WebSocket.
        """
        await self.fill("ws", await self.serveFor())

    async def test_http(self) -> None:
        """
        Over HTTP, C{POST /api/command/NAME}.
        """
        await self.fill("http", await self.serveFor())

    async def test_strictTCP(self) -> None:
        """
        Over TCP where J-IM is strict.
        """
        await self.fill("tcp", await self.serveFor(*STRICT), True)

    async def test_strictWebSocket(self) -> None:
        """
        Over WebSocket where J-IM is strict.
        """
        await self.fill("ws", await self.serveFor(*STRICT), True)

    async def test_strictHTTP(self) -> None:
        """
        Over HTTP a strict J-IM changes nothing: the route is not its own.
        """
        await self.fill("http", await self.serveFor(*STRICT), rows=[row for row in ROWS if row.strict])

    async def test_negativeControl(self) -> None:
        """
        What a strict J-IM lets anybody do is seen by the same checks, where
        they do not know of it.
        """
        live = await self.serveFor(*STRICT)
        seen = []
        self.changing = set()
        for row in ROWS:
            if row.what in ("as Bob", "Bob's", "Bob's with Cid") and row.command in ("chat", "close", "messages"):
                command = live.core.registry.byName[row.command].command
                found = await self.cell("tcp", live, row, command, "stranger", row.ends.split()[1], False)
                seen.append(len(found))
        self.assertEqual(len(seen), 3)
        self.assertGreater(min(seen), 0)


def inJim(command: Command, end: str) -> str:
    """
    The end of a cell as J-IM's clients are told it.
    """
    if end.isdigit() and int(end) >= OWN_STATUSES and command.code in CLIENTS_KNOW:
        return str(int(command.failure))
    return end
