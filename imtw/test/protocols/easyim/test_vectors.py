"""
What the real server's own libraries write and read, byte for byte: the
vectors in C{conformance/easyim/data}.
"""

from __future__ import annotations

import json
from hashlib import sha256
from importlib.resources import files
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from imtw.accounts.hashing import VERIFIERS
from imtw.protocols.easyim.jsontext import decodeText, encodeText
from imtw.protocols.easyim.message import Malformed, Msg
from imtw.protocols.easyim.protobuf import decodeMessage, encodeMessage
from imtw.protocols.easyim.tokens import ACCESS, LIFETIMES, claimsOf, mint

DATA = files("imtw.test.conformance").joinpath("easyim", "data")
VECTORS: dict[str, Any] = json.loads(DATA.joinpath("vectors.json").read_text("utf-8"))

#: Errors of the original that imtw understands all the same.
UNDERSTOOD = {"from_user_id as number", "enum as numeric string", "seq as string"}


class VectorTests(SynchronousTestCase):
    """
    Every vector.
    """

    def test_encode(self) -> None:
        """
        Messages are written as the original writes them, in both formats,
        and read back.
        """
        self.assertGreater(len(VECTORS["encode"]), 30)
        for vector in VECTORS["encode"]:
            msg = Msg(**vector["fields"])
            self.assertEqual(encodeMessage(msg).hex(), vector["hex"], vector["why"])
            self.assertEqual(encodeText(msg).decode(), vector["json"], vector["why"])
            self.assertEqual(decodeMessage(bytes.fromhex(vector["hex"])).msg, msg)
            self.assertEqual(decodeText(vector["json"].encode()), msg)

    def test_decodeProtobuf(self) -> None:
        """
        Protobuf is read as the original reads it, and goes back as it would
        from there; what it refuses is refused.
        """
        for vector in VECTORS["decode"]:
            data, why = bytes.fromhex(vector["hex"]), vector["why"]
            if vector.get("error"):
                self.assertRaises(Malformed, decodeMessage, data)
                continue
            packet = decodeMessage(data)
            self.assertEqual(packet.msg, Msg(**vector["fields"]), why)
            self.assertEqual(encodeMessage(packet.msg, packet.rest).hex(), vector["again"], why)

    def test_decodeText(self) -> None:
        """
        JSON is read as the original reads it, and a little more.
        """
        understood = set()
        for vector in VECTORS["json_decode"]:
            data, why = bytes.fromhex(vector["hex"]), vector["why"]
            if not vector.get("error"):
                self.assertEqual(decodeText(data), Msg(**vector["fields"]), why)
                continue
            try:
                decodeText(data)
            except Malformed:
                continue
            understood.add(why)
        self.assertEqual(understood, UNDERSTOOD)

    def test_tokens(self) -> None:
        """
        Tokens are the same to the last byte.
        """
        self.assertGreater(len(VECTORS["jwt"]), 5)
        for vector in VECTORS["jwt"]:
            grant = vector["grant_type"]
            now = vector["exp"] - LIFETIMES[grant]
            made = mint(vector["account"], int(vector["id"]), grant, vector["salt"], now)
            self.assertEqual(made, vector["token"], vector["account"])
            self.assertEqual(claimsOf(made)["account"], vector["account"])
        self.assertIn(ACCESS, {vector["grant_type"] for vector in VECTORS["jwt"]})

    def test_passwords(self) -> None:
        """
        A password's hash of the original's is the one that is brought over.
        """
        [(prefix, verify)] = [(name, one) for name, one in VERIFIERS.items() if name.startswith("$sha256hex2$")]
        for vector in VECTORS["password"]:
            password = vector["password"].encode()
            self.assertEqual(sha256(sha256(password).hexdigest().encode()).hexdigest(), vector["hash"])
            self.assertTrue(verify(prefix + vector["hash"], password))
            self.assertFalse(verify(prefix + vector["hash"], password + b"x"))
