"""
Devices and tokens that count no more: live, over TCP and WebSocket.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from imtw.test.clients import Talker
from imtw.test.handlers.devices import DeviceTestCase, OverWebSocket
from imtw.test.wire import codes


class RevokingTests(DeviceTestCase):
    """
    What they opened ends.
    """

    async def test_revokedDevice(self) -> None:
        """
        Dropping a device ends its connections within a second, and no
        others.
        """
        phone, pad, old = [await self.client("bob", device=device) for device in ("phone", "pad", "")]
        [answer] = [one for one in await pad.ask(117) if one["command"] == 117]
        self.assertEqual({one["id"] for one in answer["data"]["devices"]}, {"phone", "pad"})
        self.assertEqual(codes(await pad.ask(118, {"cmd": 118, "device": "phone"}), 118), [10100])
        self.assertLess(await phone.closed(), 1)
        self.assertEqual(codes(await pad.ask(118, {"cmd": 118, "device": "phone"}), 118), [10103])
        for client in (pad, old):
            await client.sync()
        pad.say(118, {"cmd": 118, "device": "pad"})
        self.assertEqual((await pad.upTo(118))[-1]["code"], 10100)
        self.assertLess(await pad.closed(), 1)
        await old.sync()

    async def test_revokedToken(self) -> None:
        """
        A token that is revoked ends the connections that logged in with it,
        and no others; so does its device.
        """
        bob = await self.client("bob", device="phone")
        tokens = []
        for _ in range(2):
            tokens.append((await bob.ask(119, {"cmd": 119}))[-1]["data"]["token"])
        await bob.closedByUs()
        old = await self.client("bob")
        clients = []
        for token in (tokens[0], tokens[0], tokens[1]):
            client = await self.client()
            self.assertLoggedIn(await client.login("bob", password="", token=token))
            clients.append(client)
        self.assertEqual(codes(await old.ask(118, {"cmd": 118, "token": tokens[0]}), 118), [10100])
        for client in clients[:2]:
            self.assertLess(await client.closed(), 1)
        await clients[2].sync()
        self.assertEqual(codes(await old.ask(118, {"cmd": 118, "device": "phone"}), 118), [10100])
        self.assertLess(await clients[2].closed(), 1)
        await old.sync()

    async def test_revokedMeanwhile(self) -> None:
        """
        A token that is revoked while the store is asked about it lets nobody
        in, though the store's answer was that it is good; nor does one whose
        device is dropped meanwhile.
        """
        bob = await self.client("bob", device="phone")
        for field in ("token", "device"):
            token = (await bob.ask(119, {"cmd": 119}))[-1]["data"]["token"]
            await self.loseRace(bob, token, {"token": token, "device": "phone"}[field], field)

    async def loseRace(self, bob: Talker, token: str, value: str, field: str) -> None:
        """
        Somebody shows Bob's token, which Bob revokes before the store has
        answered.
        """
        core, late = self.live.core, await self.client()
        tokenOf = core.store.token
        asked, answer = Deferred[None](), Deferred[None]()

        async def slowly(digest: bytes) -> Any:
            found = await tokenOf(digest)
            asked.callback(None)
            await answer
            return found

        self.patch(core.store, "token", lambda digest: Deferred.fromCoroutine(slowly(digest)))
        late.say(5, {"cmd": 5, "loginname": "bob", "token": token})
        await asked
        self.patch(core.store, "token", tokenOf)
        bob.say(118, {"cmd": 118, field: value})
        self.assertEqual((await bob.upTo(118))[-1]["code"], 10100)
        answer.callback(None)
        self.assertEqual(codes(await late.upTo(6), 6), [10008])
        await late.closed()
        self.assertLess(len(core.sessions.of("bob")), 2)
        self.assertEqual(len(core.attendance.holders), 0)


class SQLiteRevokingTests(RevokingTests):
    """
    The same, with a database.
    """

    store = ""


class SocketRevokingTests(OverWebSocket, SQLiteRevokingTests):
    """
    The same, over WebSocket.
    """
