"""
Tests of L{imtw.admin.api}.
"""

from __future__ import annotations

from typing import cast

from argon2 import PasswordHasher
from twisted.internet.defer import Deferred

from imtw.accounts.tokens import digestOf
from imtw.admin.api import PAGE
from imtw.errors import CommandRefused
from imtw.model import Entry, User
from imtw.protocols.caller import NO_FORM
from imtw.sessions import Session
from imtw.test.admin.harness import AdminTestCase, Outlet


def isClosed(session: Session) -> bool:
    """
    Was this session's connection ended?
    """
    return cast(Outlet, session.outlet).isClosed


class ListTests(AdminTestCase):
    """
    Lists, in pages.
    """

    def test_users(self) -> None:
        """
        All users, in the order of their names, with what the operator has to
        know and no hash.
        """
        for name in ("bob", "李雷", "ann"):
            self.makeUser(name, operator=name == "bob")
        answer = self.ask("/users")
        self.assertEqual((answer.code, answer.headers["content-type"]), (200, "application/json; charset=utf-8"))
        self.assertEqual(
            answer.json,
            {
                "users": [
                    {"id": "ann", "nick": "ann", "operator": False, "disabled": False},
                    {"id": "bob", "nick": "bob", "operator": True, "disabled": False},
                    {"id": "李雷", "nick": "李雷", "operator": False, "disabled": False},
                ],
                "next": None,
            },
        )
        self.assertNotIn(b"argon2", answer.body)

    def test_pages(self) -> None:
        """
        A page says where the next one begins, whatever is in the name.
        """
        names = ["a&b=c", "b%20c", "c?d#e", "d/e"]
        for name in names:
            self.makeUser(name)
        found, after, pages = [], "", 0
        while True:
            quoted = "".join(f"%{byte:02x}" for byte in after.encode())
            page = self.ask(f"/users?limit=2&after={quoted}").json
            found += [user["id"] for user in page["users"]]
            pages += 1
            if page["next"] is None:
                break
            after = page["next"]
        self.assertEqual((found, pages), (names, 3))

    def test_groups(self) -> None:
        """
        All groups.
        """
        self.logIn("ann", groups=("100", "大厅"))
        self.assertEqual(
            self.ask("/groups").json,
            {"groups": [{"id": "100", "name": "100"}, {"id": "大厅", "name": "大厅"}], "next": None},
        )
        self.assertEqual(self.ask("/groups?limit=1").json["next"], "100")

    def test_wrongQueries(self) -> None:
        """
        What cannot be asked is said so, and is no error of ours.
        """
        for query in ("limit=0", f"limit={PAGE + 1}", "limit=x", "limit=-1", "x=1", "after=%ff", "limit="):
            answer = self.ask(f"/users?{query}")
            self.assertEqual(answer.code, 400, query)
            self.assertIn("msg", answer.json)
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_server(self) -> None:
        """
        Which process this is, for C{imtw doctor}.
        """
        self.assertEqual(set(self.ask("/server").json), {"pid", "ports"})


class ChangeTests(AdminTestCase):
    """
    What changes something.
    """

    def test_add(self) -> None:
        """
        A new user can log in, with an argon2id hash of full cost.
        """
        answer = self.ask("/users/add", {"name": "韩梅梅", "password": "密码"})
        self.assertEqual((answer.code, answer.json), (200, {"user": "韩梅梅"}))
        account = self.successResultOf(self.store.account("韩梅梅"))
        assert account is not None
        wanted = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)
        self.assertFalse(wanted.check_needs_rehash(account.secret))
        user = self.successResultOf(self.accounts.login("韩梅梅", "密码", "", "203.0.113.1")).user
        self.assertEqual((user.id, user.operator), ("韩梅梅", False))

    def test_addAgain(self) -> None:
        """
        Nobody's account is replaced.
        """
        self.makeUser("ann")
        answer = self.ask("/users/add", {"name": "ann", "password": "new"})
        self.assertEqual(answer.code, 409)
        self.assertIn("'ann'", answer.json["msg"])
        self.failureResultOf(self.accounts.login("ann", "new", "", "203.0.113.1"), CommandRefused)

    def test_addBadly(self) -> None:
        """
        A name or a password that would be of no use is refused.
        """
        for name in ("", " ann", "a\nb", "x" * 65, "\u202e", "\x1b[2J"):
            self.assertEqual(self.ask("/users/add", {"name": name, "password": "p"}).code, 400, name)
        for password in ("", "x" * 1025):
            answer = self.ask("/users/add", {"name": "ann", "password": password})
            self.assertEqual(answer.code, 400)
            self.assertNotIn(b"xxx", answer.body)
        self.assertEqual(self.ask("/users").json["users"], [])

    def test_password(self) -> None:
        """
        A new password is the only one, tokens are worthless, connections
        end.
        """
        self.makeUser("ann")
        self.makeUser("bob")
        token, _ = self.successResultOf(self.accounts.issueToken("ann", ""))
        sessions = [self.logIn("ann"), self.logIn("ann", "ws")]
        other = self.logIn("bob")
        answer = self.ask("/users/password", {"name": "ann", "password": "new"})
        self.assertEqual((answer.code, answer.json), (200, {"user": "ann", "closed": 2}))
        self.assertEqual([isClosed(one) for one in [*sessions, other]], [True, True, False])
        self.assertEqual(self.successResultOf(self.accounts.login("ann", "new", "", "203.0.113.1")).user.id, "ann")
        self.failureResultOf(self.accounts.login("ann", "old", "", "203.0.113.1"), CommandRefused)
        self.failureResultOf(self.accounts.login("", "", token, "203.0.113.1"), CommandRefused)

    def test_passwordMeanwhile(self) -> None:
        """
        Who is about to come in with the old password, or with a token that
        is revoked, does not.
        """
        self.makeUser("ann")
        token, _ = self.successResultOf(self.accounts.issueToken("ann", ""))
        for path, asked in (
            ("/tokens/revoke", {"token": token}),
            ("/users/password", {"name": "ann", "password": "new"}),
        ):
            session = self.core.newSession(Outlet(), NO_FORM, "tcp", "203.0.113.1")
            session.token = digestOf(token)
            waiting: Deferred[Entry] = Deferred()
            self.patch(self.store, "enter", lambda *_, waiting=waiting: waiting)
            entering = Deferred.fromCoroutine(self.core.attendance.enter(session, User("ann", "ann")))
            self.assertEqual(self.ask(path, asked).code, 200)
            waiting.callback(Entry(User("ann", "ann"), False, [], []))
            self.failureResultOf(entering, CommandRefused)
            self.assertFalse(self.core.sessions.online("ann"), path)

    def test_operator(self) -> None:
        """
        The flag counts at once, also for who is online.
        """
        self.makeUser("ann")
        session = self.logIn("ann")
        for flag in (True, False):
            answer = self.ask("/users/operator", {"name": "ann", "operator": flag})
            self.assertEqual((answer.code, answer.json), (200, {"user": "ann", "operator": flag}))
            account = self.successResultOf(self.store.account("ann"))
            assert account is not None and session.user is not None
            self.assertEqual((account.user.operator, session.user.operator), (flag, flag))

    def test_nobody(self) -> None:
        """
        Who is not there cannot be changed.
        """
        for path, asked in (
            ("/users/password", {"name": "nobody", "password": "p"}),
            ("/users/operator", {"name": "nobody", "operator": True}),
            ("/tokens/revoke", {"token": "none"}),
        ):
            self.assertEqual(self.ask(path, asked).code, 404, path)

    def test_revoke(self) -> None:
        """
        A token is worthless, and the device that it was for is cut off.
        """
        self.makeUser("ann")
        token, _ = self.successResultOf(self.accounts.issueToken("ann", "phone"))
        phone, desk, old = self.logIn("ann", device="phone"), self.logIn("ann", device="desk"), self.logIn("ann")
        answer = self.ask("/tokens/revoke", {"token": token})
        self.assertEqual((answer.code, answer.json), (200, {"user": "ann", "device": "phone", "closed": 1}))
        self.assertEqual([isClosed(one) for one in (phone, desk, old)], [True, False, False])
        self.failureResultOf(self.accounts.login("", "", token, "203.0.113.1"), CommandRefused)
        self.assertEqual(self.ask("/tokens/revoke", {"token": token}).code, 404)

    def test_everyConnection(self) -> None:
        """
        Also those end that only visit a group, or were opened with the token.
        """
        self.makeUser("ann")
        user = self.successResultOf(self.store.user("ann"))
        assert user is not None
        token, _ = self.successResultOf(self.accounts.issueToken("ann", ""))
        visitor, other, loggedIn, follower = (self.logIn("bob") for _ in range(4))
        self.core.sessions.add(loggedIn, user)
        for one in (visitor, other, follower):
            self.core.sessions.visit(one, user)
        follower.follows = True
        visitor.token = loggedIn.token = digestOf(token)
        self.assertEqual(self.ask("/tokens/revoke", {"token": token}).json["closed"], 2)
        self.assertEqual([isClosed(one) for one in (visitor, other, loggedIn)], [True, False, True])
        self.assertEqual(self.ask("/users/password", {"name": "ann", "password": "new"}).json["closed"], 1)
        self.assertTrue(isClosed(other))

    def test_revokeWithoutDevice(self) -> None:
        """
        A token for no device in particular cuts nobody off.
        """
        self.makeUser("ann")
        token, _ = self.successResultOf(self.accounts.issueToken("ann", ""))
        session = self.logIn("ann")
        self.assertEqual(self.ask("/tokens/revoke", {"token": token}).json["closed"], 0)
        self.assertFalse(isClosed(session))

    def test_badBodies(self) -> None:
        """
        What is no such request is refused with a reason.
        """
        for body in (b"", b"{", b"[]", b"null", b"{}", b'{"name":1,"password":"p"}', b"\xff", b"[" * 60000,
                     b'{"name":"ann","password":"p","operator":true}', b'{"name":"ann","password":NaN}'):  # fmt: skip
            answer = self.ask("/users/add", body, method="POST")
            self.assertEqual(answer.code, 400, body[:40])
            self.assertIn("msg", answer.json)
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_tooLarge(self) -> None:
        """
        A body of more than 64 KiB is refused, before it is there.
        """
        head = f"POST /users/add HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {self.secret}\r\n"
        self.assertEqual(self.raw(f"{head}Content-Length: 65537\r\n\r\n".encode()).code, 413)
        chunk = b"10001\r\n" + b"x" * 65537 + b"\r\n"
        self.assertEqual(self.raw(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode() + chunk).code, 413)

    def test_methods(self) -> None:
        """
        What changes something is asked with C{POST} only, the rest with
        C{GET}.
        """
        self.assertEqual(self.ask("/users/add?name=ann&password=p").code, 405)
        self.assertEqual(self.ask("/users", {}).code, 405)
        self.assertEqual(self.ask("/users/operator", method="PUT").headers["allow"], "post")


class LateAccountTests(AdminTestCase):
    """
    A user whose accounts are kept elsewhere.
    """

    def test_operatorOfSessionOnly(self) -> None:
        """
        Somebody whom the store has never seen cannot be made an operator.
        """
        session = self.core.newSession(Outlet(), self.logIn("x").form, "tcp", "203.0.113.1")
        self.core.sessions.add(session, User("guest", "guest"))
        self.assertEqual(self.ask("/users/operator", {"name": "guest", "operator": True}).code, 404)
        assert session.user is not None
        self.assertFalse(session.user.operator)
