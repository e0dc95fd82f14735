"""
FastIM's codec: literal texts, and what it refuses.
"""

from __future__ import annotations

import json
from unittest import TestCase

from imtw.protocols.fastim.parameters import MOST, BadParameter, number, parametersOf, text
from imtw.protocols.fastim.paths import Room, Roster, isMalformed, isOurs, targetOf
from imtw.protocols.fastim.texts import (
    chat,
    entry,
    entryUnquoted,
    envelope,
    failure,
    fitting,
    history,
    quoted,
    quotedInAnswer,
    roomList,
    textList,
)

FORM = b"application/x-www-form-urlencoded"
MULTIPART = b"multipart/form-data; boundary=edge"


class TextTests(TestCase):
    """
    What is sent, byte for byte.
    """

    def test_chat(self) -> None:
        """
        Keys are in the original's order, without blanks, and ids are texts.
        """
        self.assertEqual(
            chat("1", "2", "hi", 1649254837225), '{"groupId":"1","userId":"2","info":"hi","ts":1649254837225}'
        )

    def test_escapes(self) -> None:
        """
        Over WebSocket controls of all kinds are escaped, in upper-case hex;
        slashes and everything else are not.
        """
        self.assertEqual(quoted('"\\\n\r\t\b\f'), '"\\"\\\\\\n\\r\\t\\b\\f"')
        self.assertEqual(quoted("\x00\x0b\x1f\x7f\x80\x9f\u2028\u2029"), (
            '"\\u0000\\u000B\\u001F\\u007F\\u0080\\u009F\\u2028\\u2029"'
        ))  # fmt: skip
        plain = "/<>&' \xa0\ufeff中😀"
        self.assertEqual(quoted(plain), f'"{plain}"')

    def test_escapesOverHTTP(self) -> None:
        """
        In answers only what JSON wants escaped is.
        """
        self.assertEqual(quotedInAnswer('"\\\n\x0b\x7f\u2028'), '"\\"\\\\\\n\\u000B\x7f\u2028"')

    def test_anyTextIsJSON(self) -> None:
        """
        Whatever a text is, a reader of JSON finds it again, also in a text
        within a text.
        """
        for code in [*range(0x300), 0x2028, 0x2029, 0xFEFF, 0xFFFF, 0x1F600]:
            info = f"a{chr(code)}b"
            message = chat(info, info, info, 1)
            self.assertEqual(json.loads(message), {"groupId": info, "userId": info, "info": info, "ts": 1})
            self.assertEqual(json.loads(json.loads(quotedInAnswer(message)))["info"], info)

    def test_pushes(self) -> None:
        """
        Histories and lists of rooms; the strict list is the original's,
        which is no JSON.
        """
        self.assertEqual(history(0, []), '{"total":0,"list":[]}')
        self.assertEqual(history(7, ["1", "2"]), '{"total":7,"list":[1,2]}')
        self.assertEqual(roomList([entry("{}", 3), entry(None, 0)]), (
            '[{"newMessage":{},"total":3},{"newMessage":null,"total":0}]'
        ))  # fmt: skip
        strict = [entryUnquoted("{}", 3), entryUnquoted(None, 0)]
        self.assertEqual(roomList(strict, True), "[{newMessage:{}, total:3}, {newMessage:null, total:0}]")

    def test_answers(self) -> None:
        """
        Envelopes always have data; errors are as Spring tells them.
        """
        self.assertEqual(envelope(100, "a\"b"), b'{"code":100,"msg":"a\\"b","data":null}')
        self.assertEqual(envelope(200, "x", textList(["1", '"'], 9)), b'{"code":200,"msg":"x","data":["1","\\""]}')
        self.assertEqual(failure(404, "/no\"pe", 1649254830123), (
            b'{"timestamp":"2022-04-06T14:20:30.123+00:00","status":404,"error":"Not Found","message":"",'
            b'"path":"/no\\"pe"}'
        ))  # fmt: skip

    def test_fitting(self) -> None:
        """
        As many texts as there is room for: the first, or the newest.
        """
        texts = ["aaaa", "bb", "中", "d"]
        self.assertEqual(fitting(texts, 10, False), texts)
        self.assertEqual(fitting(texts, 9, False), ["aaaa", "bb", "中"])
        self.assertEqual(fitting(texts, 8, False), ["aaaa", "bb"])
        self.assertEqual(fitting(texts, 6, True), ["bb", "中", "d"])
        self.assertEqual(fitting(texts, 0, True), [])


class PathTests(TestCase):
    """
    Which WebSocket a path is.
    """

    def test_rooms(self) -> None:
        """
        Three segments behind C{/group/chat}, each percent-encoded UTF-8; a
        slash at the end does not count, a plus is a plus.
        """
        self.assertEqual(targetOf("/group/chat/1/2/x"), Room("1", "2", "x"))
        self.assertEqual(targetOf("/group/chat/1/2/x/"), Room("1", "2", "x"))
        self.assertEqual(targetOf("/group/chat/%E7%BE%A4/a%20b/c+d"), Room("群", "a b", "c+d"))

    def test_lists(self) -> None:
        """
        Two behind C{/group/list}.
        """
        self.assertEqual(targetOf("/group/list/2/x"), Roster("2", "x"))

    def test_none(self) -> None:
        """
        Anything else is none.
        """
        for path in (
            *("/group/chat", "/group/chat/", "/group/chat/1/2", "/group/chat/1/2/3/4", "/group/chat//2/x"),
            *("/group/chat/1//x", "/group/chat/1/2/", "/group/chat/1/2//", "/group/list/1", "/group/list/1/2/3"),
            *("/group/list//x", "/group/other/1/2/3", "/", "", "/group", "//group/chat/1/2/3", "/GROUP/chat/1/2/3"),
            *("/group/chat/%FF/2/x", "/group/chat/%c0%ae/2/x", "/group/chat/../2/x", "/group/chat/%2e%2E/2/x"),
            *("/group/chat/a%2Fb/2/x", "/group/chat/a%2fb/2/x", "/group/chat/a\\b/2/x", "/group/chat/a%5Cb/2/x"),
            "/group/chat/./2/x",
        ):
            self.assertIsNone(targetOf(path), path)

    def test_ours(self) -> None:
        """
        What begins like them is FastIM's to refuse.
        """
        for path in ("/group/chat", "/group/chat/", "/group/list/a/b/c/d", "/group/chat/1"):
            self.assertTrue(isOurs(path), path)
        for path in ("/", "/group", "/group/", "/group/chats/1/2/3", "/group/chatter", "/x/group/chat/1/2/3"):
            self.assertFalse(isOurs(path), path)

    def test_malformed(self) -> None:
        """
        What is refused wherever it stands in a path.
        """
        for path in ("/a%2fb", "/a%2Fb", "/%5c", "/%5C", "/a\\b", "/%00", "/%", "/%4", "/%zz", "/%a/"):
            self.assertTrue(isMalformed(path), path)
            self.assertIsNone(targetOf(f"/group/chat{path}/2/x"), path)
        for path in ("/a/b%20c", "/%25", "/%41", "/%ff", "/a+b"):
            self.assertFalse(isMalformed(path), path)


class ParameterTests(TestCase):
    """
    Where parameters come from.
    """

    def test_query(self) -> None:
        """
        The query, the body of a form, and both; the query comes first.
        """
        found = parametersOf(b"a=1&b=%E4%B8%AD+x&c=&d", b"", b"e=5")
        self.assertEqual(found, {"a": ["1"], "b": ["中 x"], "c": [""], "d": [""]})
        found = parametersOf(b"a=1", FORM + b"; charset=UTF-8", b"a=2&b=%2B1&b=3")
        self.assertEqual(found, {"a": ["1", "2"], "b": ["+1", "3"]})

    def test_repeated(self) -> None:
        """
        Of what is there several times all is read as a text, with commas, and
        the first as a number.
        """
        found = parametersOf(b"a=1&b=x", FORM, b"a=2&b=y&b=")
        self.assertEqual((text(found, "a"), number(found, "a"), text(found, "b")), ("1,2", 1, "x,y,"))
        with self.assertRaises(BadParameter):
            number(found, "b")

    def test_otherBodies(self) -> None:
        """
        Bodies of other types are not looked at.
        """
        for kind in (b"", b"text/plain", b"application/json", b"x" + FORM):
            self.assertEqual(parametersOf(b"", kind, b"a=1"), {}, kind)

    def test_multipart(self) -> None:
        """
        The fields of a multipart form, with names in quotes or without;
        files are none, nor is what stands around the parts.
        """
        body = (
            b"preamble\r\n--edge\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n2"
            b"\r\n--edge\r\ncontent-disposition:form-data;name=b\r\nContent-Type: text/plain\r\n\r\n\xe4\xb8\xad"
            b"\r\n--edge\r\nContent-Disposition: form-data; name=\"f\"; filename=\"x\"\r\n\r\nfile"
            b"\r\n--edge\r\nContent-Disposition: form-data; name=\"q\\\"\"\r\n\r\n"
            b"\r\n--edge\r\nno blank line"
            b"\r\n--edge--\r\nContent-Disposition: form-data; name=\"late\"\r\n\r\nx"
        )
        fields = {"a": ["1\r\n2"], "b": ["中"], 'q"': [""]}
        self.assertEqual(parametersOf(b"", MULTIPART, body), fields)
        quotedEdge = b'Multipart/Form-Data; Boundary="edge"'
        self.assertEqual(parametersOf(b"z=0", quotedEdge, body), {"z": ["0"], **fields})

    def test_multipartHeaders(self) -> None:
        """
        A part is called what its disposition says, wherever that stands.
        """
        body = (
            b"--edge\r\nContent-Type: text/plain; name=other; filename=x\r\nContent-Disposition: form-data; name=a\r\n"
            b"X: ; name=third\r\n\r\n1\r\n--edge\r\nContent-Type: text/plain; name=b\r\n\r\n2\r\n--edge--\r\n"
        )
        self.assertEqual(parametersOf(b"", MULTIPART, body), {"a": ["1"]})

    def test_bounded(self) -> None:
        """
        So many parameters and no more, however they come; of a multipart form
        the end has to be there, too.
        """
        self.assertEqual(len(parametersOf(b"", FORM, b"&".join(b"a%d=1" % n for n in range(MOST)))), MOST)
        part = b'--edge\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'
        for query, kind, body in (
            (b"a&" * MOST + b"a", b"", b""),
            (b"", FORM, b"a=1&" * MOST + b"a=1"),
            (b"", MULTIPART, part * (MOST + 2)),
            (b"", b"multipart/form-data", part),
            (b"", MULTIPART, part),
            (b"", MULTIPART, b""),
        ):
            with self.assertRaises(BadParameter):
                parametersOf(query, kind, body)

    def test_numbers(self) -> None:
        """
        Whole numbers of 64 bits, decimal; nothing else, and never missing.
        """
        for given, wanted in (("0", 0), ("-1", -1), ("+1", 1), (" 7 ", 7), ("0009", 9), (str(2**63 - 1), 2**63 - 1)):
            self.assertEqual(number({"n": [given]}, "n"), wanted)
        self.assertEqual(number({"n": ["0" * 40 + "7"]}, "n"), 7)
        for given in ("", " ", "x", "1.5", "1e3", "0x10", "١", "1_000", "--1", str(2**63), "9" * 400, "1 2", "+"):
            with self.assertRaises(BadParameter):
                number({"n": [given]}, "n")
        with self.assertRaises(BadParameter):
            number({}, "n")
        with self.assertRaises(BadParameter):
            text({}, "n")
        self.assertEqual(text({"n": [""]}, "n"), "")
