"""
Tests for L{imtw.protocols.easyim.tokens}: whose a token is, and everything
that is none.
"""

from __future__ import annotations

import hmac
import json
from base64 import urlsafe_b64encode
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from imtw.limits import Limits
from imtw.model import User
from imtw.numbers import Numbers
from imtw.persistence.memory import MemoryStore
from imtw.protocols.easyim.tokens import ACCESS, REFRESH, TokenError, Tokens, mint

NOW = 1_700_000_000
HEADER = {"alg": "HS256", "typ": "JWT"}


def part(value: Any) -> str:
    """
    A part of a token.
    """
    data = value if isinstance(value, bytes) else json.dumps(value, separators=(",", ":")).encode()
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def signed(header: Any, claims: Any, key: bytes, digest: str = "sha256") -> str:
    """
    A token that is signed with a key.
    """
    text = f"{part(header)}.{part(claims)}"
    return f"{text}.{part(hmac.new(key, text.encode(), digest).digest())}"


class TokenTests(SynchronousTestCase):
    """
    Ann and Bob have accounts and tokens.
    """

    def setUp(self) -> None:
        """
        They have logged in.
        """
        self.clock = Clock()
        self.clock.advance(NOW)
        self.store = MemoryStore("", self.clock, Limits())
        self.numbers = Numbers(self.clock, self.store)
        self.tokens = Tokens(self.clock, self.store, self.numbers)
        for name in ("ann", "bob"):
            self.store.addAccount(User(name, name), "")
        self.access = self.now(self.tokens.mint("ann", ACCESS))
        self.refresh = self.now(self.tokens.mint("ann", REFRESH))
        self.salt = self.now(self.tokens.salts.of("ann")).encode()
        self.ann = int(self.numbers.known("ann") or 0)
        self.claims = {"account": "ann", "exp": NOW + 10, "grant_type": ACCESS, "id": self.ann}

    def now(self, asked: Any) -> Any:
        """
        What something comes to at once.
        """
        return self.successResultOf(Deferred.fromCoroutine(asked))

    def reason(self, text: str, grant: str = ACCESS) -> str:
        """
        Why a token is worth nothing; C{"ok"} where it is.
        """
        ended: list[Any] = []
        Deferred.fromCoroutine(self.tokens.check(text, grant)).addBoth(ended.append)
        if not isinstance(ended[0], Failure):
            return "ok"
        ended[0].trap(TokenError)
        return str(ended[0].value)

    def test_good(self) -> None:
        """
        A token is its user's, for what it says, until it expires.
        """
        account, claims = self.now(self.tokens.check(self.access, ACCESS))
        self.assertEqual((account.user.id, claims["grant_type"]), ("ann", ACCESS))
        self.assertEqual(self.now(self.tokens.reader(self.access)), "ann")
        self.assertEqual(self.reason(signed(HEADER, self.claims, self.salt)), "ok")
        self.clock.advance(7200)
        self.assertEqual(self.reason(self.access), "ok")
        self.clock.advance(1)
        self.assertEqual(self.reason(self.access), "token is expired")
        self.assertEqual(self.reason(self.refresh, REFRESH), "ok")

    def test_salt(self) -> None:
        """
        A secret is 64 letters and digits; a new one ends all tokens of its
        user, and nobody else's.
        """
        bob = self.now(self.tokens.mint("bob", ACCESS))
        self.assertRegex(self.salt.decode(), "^[0-9a-z]{64}$")
        self.now(self.tokens.salts.change("ann"))
        self.assertEqual(self.reason(self.access), "token sign error")
        self.assertEqual(self.reason(self.refresh, REFRESH), "token sign error")
        self.assertEqual(self.reason(bob), "ok")

    def test_password(self) -> None:
        """
        So does a new password.
        """
        self.store.setSecret("ann", "new")
        self.assertEqual(self.reason(self.access), "token sign error")
        self.assertEqual(self.reason(self.now(self.tokens.mint("ann", ACCESS))), "ok")

    def test_disabled(self) -> None:
        """
        Whose account is disabled has no tokens.
        """
        account = self.store.accountOf("ann")
        assert account is not None
        account.disabled = True
        self.assertEqual(self.reason(self.access), "user not found")

    def test_forged(self) -> None:
        """
        Whatever somebody makes up is worth nothing, and is told why in the
        original's words.
        """
        claims, salt = self.claims, self.salt
        head, body, signature = signed(HEADER, claims, salt).split(".")
        rsaKey = rsa.generate_private_key(65537, 2048)
        public = rsaKey.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        rs256 = f"{part({'alg': 'RS256', 'typ': 'JWT'})}.{body}"
        rs256 += "." + part(rsaKey.sign(rs256.encode(), padding.PKCS1v15(), hashes.SHA256()))
        bobs = self.now(self.tokens.mint("bob", ACCESS))
        table = {
            "alg none, no signature": (f"{part({'alg': 'none', 'typ': 'JWT'})}.{body}.", "token sign error"),
            "alg None, its signature": (f"{part({'alg': 'None'})}.{body}.{signature}", "token sign error"),
            "alg none, signed": (signed({"alg": "none"}, claims, salt), "token sign error"),
            "no alg": (signed({"typ": "JWT"}, claims, salt), "token sign error"),
            "HS512, rightly signed": (signed({"alg": "HS512"}, claims, salt, "sha512"), "token sign error"),
            "RS256 of another's key": (rs256, "token sign error"),
            "HS256 with a public key": (signed({**HEADER, "jwk": public.decode()}, claims, public), "token sign error"),
            "a key that the header names": (signed({**HEADER, "k": "x"}, claims, b"x" * 64), "token sign error"),
            "the empty key": (signed(HEADER, claims, b""), "token sign error"),
            "another secret": (signed(HEADER, claims, b"0" * 64), "token sign error"),
            "another's secret": (f"{head}.{body}.{bobs.split('.')[2]}", "token sign error"),
            "another's claims": (f"{head}.{bobs.split('.')[1]}.{signature}", "token sign error"),
            "no signature": (f"{head}.{body}.", "token sign error"),
            "a signature too long": (f"{head}.{body}.{signature}x", "token sign error"),
            "a signature in other letters": (f"{head}.{body}.{signature[:-1]}!", "token sign error"),
            "a header that is no JSON": (f"{part(b'x')}.{body}.{signature}", "token sign error"),
            "a header that is a list": (signed([HEADER], claims, salt), "token sign error"),
            "a header of 8 KiB": (signed({**HEADER, "x": "y" * 8192}, claims, salt), "token is not a JWT"),
            "a critical extension": (signed({**HEADER, "crit": ["b64"], "b64": False}, claims, salt),
                                     "token sign error"),
            "expired": (signed(HEADER, {**claims, "exp": NOW - 1}, salt), "token is expired"),
            "expired at the epoch": (signed(HEADER, {**claims, "exp": 0}, salt), "token is expired"),
            "no exp": (signed(HEADER, {k: v for k, v in claims.items() if k != "exp"}, salt), "token lost field: exp"),
            "exp as text": (signed(HEADER, {**claims, "exp": "9999999999"}, salt), "token lost field: exp"),
            "exp for ever": (signed(HEADER, {**claims, "exp": 1e300}, salt), "token lost field: exp"),
            "exp true": (signed(HEADER, {**claims, "exp": True}, salt), "token lost field: exp"),
            "nbf tomorrow": (signed(HEADER, {**claims, "nbf": NOW + 86400}, salt), "token is not valid yet"),
            "a refresh token": (self.refresh, "the token must be access_token"),
            "no grant_type": (signed(HEADER, {"id": self.ann, "exp": NOW + 9}, salt),
                              "grant_type not found in token claims"),
            "grant_type as a list": (signed(HEADER, {**claims, "grant_type": [ACCESS]}, salt), "token 不正确"),
            "another grant_type": (signed(HEADER, {**claims, "grant_type": "x"}, salt),
                                   "the token must be access_token"),
            "a header in another order": (signed({"typ": "JWT", "alg": "HS256"}, claims, salt), "token sign error"),
            "a header with more": (signed({**HEADER, "kid": "1"}, claims, salt), "token sign error"),
            "claims in another order": (signed(HEADER, dict(reversed(claims.items())), salt), "token sign error"),
            "claims with a blank": (signed(HEADER, json.dumps(claims).encode(), salt), "token sign error"),
            "a signature of other letters": (f"{head}.{body}.密", "token sign error"),
            "no id": (signed(HEADER, {k: v for k, v in claims.items() if k != "id"}, salt), "token 不正确"),
            "id as text": (signed(HEADER, {**claims, "id": str(self.ann)}, salt), "token 不正确"),
            "id as fraction": (signed(HEADER, {**claims, "id": 1.5}, salt), "token 不正确"),
            "nobody's id": (signed(HEADER, {**claims, "id": 7}, salt), "user not found"),
            "id 0": (signed(HEADER, {**claims, "id": 0}, salt), "user not found"),
            "an id of 200 bits": (signed(HEADER, {**claims, "id": 1 << 200}, salt), None),
            "claims that are a list": (signed(HEADER, [claims], salt), None),
            "claims that are no JSON": (f"{head}.YWJj.{signature}", None),
            "claims 1,000 deep": (f"{head}.{part(b'[' * 1000)}.{signature}", None),
            "two parts": (f"{head}.{body}", "token is not a JWT"),
            "four parts": (f"{head}.{body}.{signature}.x", "token is not a JWT"),
            "no base64": (f"{head}.!!.{signature}", "Base64UrlDecode error: illegal base64 data at input byte 0"),
            "base64 cut": (f"{head}.abcde.{signature}", "Base64UrlDecode error: illegal base64 data at input byte 4"),
            "nothing": ("", "token is not a JWT"),
            "dots": ("..", None),
            "not even letters": ("\ud800.\x00.密", None),
        }  # fmt: skip
        accepted = []
        for name, (text, reason) in table.items():
            told = self.reason(text)
            if told == "ok":
                accepted.append(name)
            if reason is not None:
                self.assertEqual(told, reason, name)
        self.assertGreater(len(table), 40)
        self.assertEqual(accepted, [])

    def test_vector(self) -> None:
        """
        A token of the original's, with its user's secret, is as good here.
        """
        salt = "0123456789abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqr"
        number = 1630381388895096832
        self.store.addAccount(User("alice", ""), "")
        self.store.number("alice", number)
        self.now(self.tokens.salts.keep("alice", salt))
        token = mint("alice", number, ACCESS, salt, NOW)
        self.assertEqual(token.encode(), RECORDED)
        self.assertEqual(self.now(self.tokens.reader(token)), "alice")


#: The access token of the reference, with exp 1700007200.
RECORDED = (
    b"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJhY2NvdW50IjoiYWxpY2UiLCJleHAiOjE3MDAwMDcyMDAsImdyYW50X3R5cGUiOiJhY2Nlc3N"
    b"fdG9rZW4iLCJpZCI6MTYzMDM4MTM4ODg5NTA5NjgzMn0.juzzRdTw7svvDolB5xvZWdWcAGRaBUHN_LfRphRr0HE"
)
