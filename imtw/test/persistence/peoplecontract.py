"""
What every store has to do with users, tokens and plugins' values.
"""

from __future__ import annotations

from msgspec import UNSET

from imtw.model import SECRETS, Account, Token, User, groupPair
from imtw.test.persistence.harness import StoreHarness

LOBBY = [("100", "Lobby"), ("20", "Second")]


class PeopleContract(StoreHarness):
    """
    Users, logins, tokens, shelves.
    """

    async def test_account(self) -> None:
        """
        A user is made once, and comes back as it was.
        """
        alice = User("alice", "Alice", "a.png", "hi", None, False, {"jim": {"x": [1]}})
        self.assertIs(await self.store.addAccount(alice, "hash"), True)
        self.assertIs(await self.store.addAccount(User("alice", "Impostor"), "other"), False)
        self.assertEqual(await self.store.account("alice"), Account(alice, "hash", False))
        self.assertEqual(await self.store.user("alice"), alice)
        self.assertIsNone(await self.store.account("bob"))
        self.assertIsNone(await self.store.user("bob"))

    async def test_ownCopies(self) -> None:
        """
        What the store gave out may be changed without changing the store.
        """
        alice = User("alice", "Alice")
        await self.store.addAccount(alice, "hash")
        alice.nick = "changed"
        account = await self.store.account("alice")
        account.user.nick = account.secret = "changed"
        (await self.store.enter(User("alice", ""), "tcp", [], False)).user.nick = "changed"
        self.assertEqual((await self.store.account("alice")).secret, "hash")
        self.assertEqual((await self.store.user("alice")).nick, "Alice")

    async def test_noNumber(self) -> None:
        """
        An account that is made has no number, whatever the user brings along.
        """
        await self.store.addAccount(User("alice", "Alice", number=7), "")
        await self.store.enter(User("bob", "Bob", number=7), "tcp", [], False)
        for name in ("alice", "bob"):
            self.assertIs((await self.store.user(name)).number, UNSET)
        self.assertEqual(await self.store.number("alice", 7), 7)

    async def test_setSecret(self) -> None:
        """
        A new password ends the user's tokens, and no others.
        """
        for name in ("alice", "bob"):
            await self.store.addAccount(User(name, name), "old")
            await self.store.addToken(name.encode(), Token(name, "", 1, 2**50))
        self.assertIs(await self.store.setSecret("alice", "new"), True)
        self.assertIs(await self.store.setSecret("carol", "new"), False)
        self.assertEqual((await self.store.account("alice")).secret, "new")
        self.assertEqual((await self.store.account("bob")).secret, "old")
        self.assertIsNone(await self.store.token(b"alice"))
        self.assertIsNotNone(await self.store.token(b"bob"))

    async def test_renewSecret(self) -> None:
        """
        Another hash of the same password leaves tokens alone, and is not
        taken where somebody has changed the password.
        """
        await self.store.addAccount(User("alice", "Alice"), "old")
        await self.store.addToken(b"alice", Token("alice", "", 1, 2**50))
        self.assertIs(await self.store.renewSecret("alice", "old", "new"), True)
        self.assertIs(await self.store.renewSecret("alice", "old", "newer"), False)
        self.assertIs(await self.store.renewSecret("bob", "", "new"), False)
        self.assertEqual((await self.store.account("alice")).secret, "new")
        self.assertIsNotNone(await self.store.token(b"alice"))

    async def test_secrets(self) -> None:
        """
        What counts as long as a password does ends with it, for that user
        alone.
        """
        for name in ("alice", "alic", "alicex"):
            await self.store.addAccount(User(name, name), "old")
            await self.store.put(SECRETS, f"{name}\nkey", name.encode())
        await self.store.put("other", "alice\nkey", b"x")
        await self.store.renewSecret("alice", "old", "anew")
        self.assertEqual(len(await self.store.get(SECRETS, "")), 3)
        await self.store.setSecret("alice", "new")
        left = [key for key, _ in await self.store.get(SECRETS, "")]
        self.assertEqual(left, ["alic\nkey", "alicex\nkey"])
        self.assertEqual(len(await self.store.get("other", "")), 1)

    async def test_operator(self) -> None:
        """
        A user becomes an operator, and is one no more.
        """
        await self.store.addAccount(User("alice", "Alice"), "")
        for operator in (True, False):
            self.assertIs(await self.store.setOperator("alice", operator), True)
            self.assertIs((await self.store.user("alice")).operator, operator)
        self.assertIs(await self.store.setOperator("bob", True), False)

    async def test_users(self) -> None:
        """
        Users are listed in the order of their ids, from anywhere on.
        """
        names = ["Zoe", "a", "b", "zoe", "ä", "小明", "\U0001f600"]
        for name in reversed(names):
            await self.store.addAccount(User(name, name), name + "!")
        listed = await self.store.users("", 100)
        self.assertEqual([account.user.id for account in listed], names)
        self.assertEqual([account.secret for account in listed], [name + "!" for name in names])
        self.assertEqual([account.user.id for account in await self.store.users("aa", 2)], ["b", "zoe"])
        self.assertEqual([account.user.id for account in await self.store.users("b", 1)], ["zoe"])

    async def test_firstLogin(self) -> None:
        """
        The first login makes the user, and puts it into the lobby.
        """
        await self.say(await self.group("20", "bob"), "bob")
        entry = await self.store.enter(User("alice", "Alice", "a.png"), "ws", LOBBY, False)
        self.assertEqual(entry.user, User("alice", "Alice", "a.png", terminal="ws"))
        self.assertEqual(await self.store.user("alice"), entry.user)
        self.assertIs(entry.new, True)
        self.assertEqual([place.pair for place in entry.groups], [groupPair("100"), groupPair("20")])
        self.assertEqual([place.name for place in entry.groups], ["Lobby", "20"])
        self.assertEqual([(place.head, place.cursor) for place in entry.groups], [(0, 0), (1, 1)])
        self.assertEqual(entry.behind, [])

    async def test_secondLogin(self) -> None:
        """
        Later ones change the terminal only: who left the lobby stays out.
        """
        await self.store.enter(User("alice", "Alice"), "ws", LOBBY, False)
        await self.store.leave("alice", "100")
        await self.store.join("alice", "g", "Mine", 10)
        entry = await self.store.enter(User("alice", "Other", "other.png"), "tcp", LOBBY, False)
        self.assertEqual(entry.user, User("alice", "Alice", terminal="tcp"))
        self.assertIs(entry.new, False)
        self.assertEqual([place.name for place in entry.groups], ["Second", "Mine"])

    async def test_loginOfAccount(self) -> None:
        """
        Who signed up first is new at the first login, and keeps the
        password.
        """
        await self.store.addAccount(User("alice", "Alice"), "hash")
        entry = await self.store.enter(User("alice", "alice"), "tcp", LOBBY, False)
        self.assertEqual((entry.new, entry.user.nick, len(entry.groups)), (True, "Alice", 2))
        self.assertEqual((await self.store.account("alice")).secret, "hash")

    async def test_forget(self) -> None:
        """
        A login that forgets leaves every group but the lobby.
        """
        await self.store.enter(User("alice", "Alice"), "ws", LOBBY, False)
        for group in ("g", "h"):
            await self.store.join("alice", group, None, 10)
            await self.store.join("bob", group, None, 10)
        await self.say(groupPair("g"), "alice")
        entry = await self.store.enter(User("alice", "Alice"), "ws", LOBBY, True)
        self.assertEqual([place.pair.a for place in entry.groups], ["100", "20"])
        self.assertEqual([group.id for group in await self.store.groupsOf("alice")], ["100", "20"])
        self.assertEqual([group.id for group in await self.store.groupsOf("bob")], ["g", "h"])

    async def test_tokens(self) -> None:
        """
        A token is found by its hash until it is dropped.
        """
        token = Token("alice", "phone", 5, 2**50)
        await self.store.addToken(b"\x00\xff", token)
        await self.store.addToken(b"other", Token("alice", "", 6, 2**50))
        self.assertEqual(await self.store.token(b"\x00\xff"), token)
        self.assertIsNone(await self.store.token(b"\x00"))
        self.assertEqual(await self.store.dropToken(b"\x00\xff"), token)
        self.assertIsNone(await self.store.dropToken(b"\x00\xff"))
        self.assertIsNone(await self.store.token(b"\x00\xff"))
        self.assertIsNotNone(await self.store.token(b"other"))

    async def test_manyTokens(self) -> None:
        """
        Of many tokens of one user, for one audience, the last ones to expire
        are kept; those that have expired go with the next.
        """
        far = 2**50
        for number in range(5):
            await self.store.addToken(b"a%d" % number, Token("alice", "", 1, far + number % 4))
            await self.store.addToken(b"x%d" % number, Token("alice", "", 1, far + number, "x"))
        await self.store.addToken(b"b", Token("bob", "", 1, 1))
        asked = [*(b"%c%d" % (letter, number) for letter in b"ax" for number in range(5)), b"b"]
        kept = [digest for digest in asked if await self.store.token(digest) is not None]
        self.assertEqual(kept, [b"a1", b"a2", b"a3", b"x2", b"x3", b"x4", b"b"])
        await self.store.addToken(b"b2", Token("bob", "", 1, far))
        self.assertIsNone(await self.store.token(b"b"))

    async def test_oneToken(self) -> None:
        """
        A token can take the place of the user's others for its audience,
        whose hashes are told, also of those that have expired; and be renewed.
        """
        for digest, user, audience in ((b"1", "alice", ""), (b"2", "alice", "x"), (b"3", "bob", "x")):
            await self.store.addToken(digest, Token(user, "", 5, 2**50, audience))
        token = Token("alice", "", 6, 2**50, "x")
        self.assertEqual(await self.store.addToken(b"4", token, alone=True), [b"2"])
        self.assertEqual(await self.store.token(b"4"), token)
        self.assertIsNone(await self.store.token(b"2"))
        self.assertIsNotNone(await self.store.token(b"1"))
        self.assertIsNotNone(await self.store.token(b"3"))
        self.assertTrue(await self.store.renewToken(b"4", 2**51))
        self.assertEqual((await self.store.token(b"4")).expires, 2**51)
        self.assertEqual((await self.store.token(b"1")).expires, 2**50)
        self.assertFalse(await self.store.renewToken(b"2", 2**51))
        await self.store.renewToken(b"4", 1)
        self.assertEqual(await self.store.addToken(b"5", token, alone=True), [b"4"])
        self.assertEqual(await self.store.addToken(b"6", token), [])

    async def test_shelf(self) -> None:
        """
        A plugin has its values by their keys' beginning, in order.
        """
        for key in ("b", "a:2", "a:10", "a:1", "A", "a", "a:\U0010ffff", "a;"):
            await self.store.put("polls", key, key.encode() + b"\x00")
        await self.store.put("others", "a:3", b"not mine")
        await self.store.put("polls", "a:2", b"changed")
        found = await self.store.get("polls", "a:")
        self.assertEqual([key for key, _ in found], ["a:1", "a:10", "a:2", "a:\U0010ffff"])
        self.assertEqual(found[2], ("a:2", b"changed"))
        self.assertEqual(len(await self.store.get("polls", "")), 8)
        self.assertEqual(await self.store.get("polls", "c"), [])
        self.assertEqual(await self.store.get("nobody's", ""), [])
