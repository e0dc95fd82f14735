"""
Tests of L{imtw.protocols.jim.lenient}.
"""

from __future__ import annotations

import json
from time import process_time
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from imtw.protocols.jim.lenient import MAX_DEPTH, MAX_DIGITS, MAX_NODES, NotJSON, parse

# Before a text it changes nothing, except that msgspec will not read it.
MARK = b"\xef\xbb\xbf"

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)

WORDS = r"""
{ } [ ] , : " ' \ \" \' \u \ud83d \ude00 \u00e9 \n a key 1 -0 .5 e9 1e999 null true NaN 你 /* 12 x
"""
FRAGMENTS = [*WORDS.split(), " ", "\n", "\0"]


class ParseTests(SynchronousTestCase):
    """
    Tests of L{parse}.
    """

    def check(self, text: str, value: object) -> None:
        """
        The text is read as the value, of the same types.
        """
        for data in (text.encode(), MARK + text.encode()):
            self.assertEqual(repr(parse(data)), repr(value), text)

    def refused(self, data: bytes) -> NotJSON:
        """
        The text is refused.
        """
        self.assertRaises(NotJSON, parse, MARK + data)
        error: NotJSON = self.assertRaises(NotJSON, parse, data)
        return error

    def test_standard(self) -> None:
        """
        All of JSON is read.
        """
        self.check(' {"a" : [1, -2.5, 1E3, 0, -0.0, true, false, null, "x", {}, []]}\r\n\t', {
            "a": [1, -2.5, 1000.0, 0, -0.0, True, False, None, "x", {}, []],
        })  # fmt: skip
        self.check("42", 42)
        self.check('"text"', "text")
        self.check("null", None)
        self.check('"\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00 你好"', '"\\/\b\f\n\r\té😀 你好')
        self.check("123456789012345678901234567890", 123456789012345678901234567890)

    def test_singleQuotes(self) -> None:
        """
        Texts and keys may stand in single quotes, with the same escapes.
        """
        self.check("{'a':'it is \"lenient\"'}", {"a": 'it is "lenient"'})
        self.check("'it\\'s \\\\ \\n \\ud83d\\ude00 \\u4f60'", "it's \\ \n 😀 你")
        self.check("''", "")

    def test_escapedApostrophe(self) -> None:
        """
        An apostrophe may be escaped between double quotes, too.
        """
        self.check('"it\\\'s \\u4f60\\n"', "it's 你\n")

    def test_bareKeys(self) -> None:
        """
        Keys need no quotes, whatever word they are.
        """
        self.check("{cmd:11,chatType : 2,group_id:3,$a:4,键:5,null:6,7:8,__proto__:9}", {
            "cmd": 11, "chatType": 2, "group_id": 3, "$a": 4, "键": 5, "null": 6, "7": 8, "__proto__": 9,
        })  # fmt: skip

    def test_commas(self) -> None:
        """
        Commas may repeat, lead and trail, but not fail.
        """
        self.check('{,"a":1,,"b":[,1,,2,,],,}', {"a": 1, "b": [1, 2]})
        self.check("[,]", [])
        self.refused(b"[1 2]")
        self.refused(b'{"a":1 "b":2}')
        self.refused(b'{"a":[1]"b":2}')
        self.refused(b"[[][]]")

    def test_controlCharacters(self) -> None:
        """
        Texts may hold control characters as they are.
        """
        self.check('"a\tb\nc\x01d\x00"', "a\tb\nc\x01d\x00")
        self.check("'a\tb\nc\x01d'", "a\tb\nc\x01d")

    def test_byteOrderMark(self) -> None:
        """
        A byte order mark at the start is not looked at.
        """
        self.assertEqual(parse(MARK + b'{"a":1}'), {"a": 1})

    def test_repeatedKey(self) -> None:
        """
        Of a key that occurs twice the last counts.
        """
        self.check('{"a":1,"b":2,"a":[3]}', {"a": [3], "b": 2})

    def test_notNumbers(self) -> None:
        """
        Only finite numbers are numbers, and only in JSON's spelling.
        """
        for text in (
            b"NaN",
            b"-NaN",
            b"Infinity",
            b"-Infinity",
            b"1e999",
            b"-1e999",
            b"01",
            b"+1",
            b".5",
            b"1.",
            b"1e",
        ):
            self.refused(text)
            self.refused(b'{"a":' + text + b"}")
        for text in (b"0x10", b"1_000", b"1-2", b"12abc", "１".encode(), b"--1", b"-"):
            self.refused(text)

    def test_digits(self) -> None:
        """
        An integer has at most 100 digits.
        """
        self.check("9" * MAX_DIGITS, 10**MAX_DIGITS - 1)
        self.refused(b"9" * (MAX_DIGITS + 1))
        self.refused(b'{"a":[1,' + b"9" * 400 + b"]}")
        self.check('"' + "9" * 400 + '"', "9" * 400)

    def test_surrogates(self) -> None:
        """
        Half a surrogate pair is refused, escaped or raw.
        """
        for half in (b"\\ud800", b"\\udfff", b"\\ude00\\ud83d", b"x\\ud83dx", b"\xed\xa0\x80"):
            self.refused(b'"' + half + b'"')
            self.refused(b"'" + half + b"'")
            self.refused(b"{'a" + half + b"':1}")

    def test_notText(self) -> None:
        """
        Bytes that are not UTF-8 are refused, or, if they are to be repaired,
        read as replacement characters.
        """
        for broken in (b"\xff", b"\xe4\xbd", b"\xc0\xaf", b"\xed\xa0\x80"):
            self.refused(b'{"a":"' + broken + b'"}')
            value = parse(b'{"a":"x' + broken + b'y"}', repair=True)
            assert isinstance(value, dict)
            self.assertRegex(value["a"], "^x\ufffd+y$")
        self.assertEqual(parse('{"a":"好"}'.encode(), repair=True), {"a": "好"})

    def test_depth(self) -> None:
        """
        There are at most 64 levels.
        """
        for opening, closing in (("[", "]"), ('{"a":', "}"), ("[{a:", "}]")):
            levels = MAX_DEPTH // len(closing)
            middle = "1"
            parse((opening * levels + middle + closing * levels).encode())
            self.refused((opening * levels + "[]" + closing * levels).encode())
        # Not what is open one after the other.
        self.check("[" + "[[]]," * 200 + "]", [[[]]] * 200)

    def test_nodes(self) -> None:
        """
        There are at most 5,000 values.
        """
        self.check("[" + "0," * (MAX_NODES - 1) + "]", [0] * (MAX_NODES - 1))
        self.refused(b"[" + b"0," * MAX_NODES + b"]")

    def test_longText(self) -> None:
        """
        A text may be as long as the body, whatever is in it.
        """
        content = 'a,b[{"c":\\ 你\n' * 100_000
        self.check(json.dumps({"content": content}, ensure_ascii=False), {"content": content})
        self.check("'" + "a,b[{" * 100_000 + "'", "a,b[{" * 100_000)

    def test_notJSON(self) -> None:
        """
        Anything else is refused, with the place.
        """
        for text in (
            b"", b" ", b"hello", b"close please", b"nope", b"{", b"[", b"}", b'{"a"', b'{"a":', b'{"a":1', b'{"a":1,',
            b'{"a":}', b'{"a" 1}', b"{:1}", b"{a b:1}", b'{"a":1]', b"[1}", b'"', b'"a', b"'a", b'"a\\"', b'"\\x41"',
            b"'\\x41'", b'"\\u12"', b"1 2", b"{}{}", b"{},", b",1", b"tru", b"nullx", b"True", b"undefined",
            b"//\n1", b"\x80", b"GET / HTTP/1.1", b"\0",
        ):  # fmt: skip
            self.refused(text)
        self.assertEqual(self.refused(b'{"a":nope}').position, 5)

    def test_bombs(self) -> None:
        """
        Nothing takes long, and nothing is refused in another way.
        """
        many = 10**6
        bombs = [
            b"[" * 10**5, b"[" * 10**5 + b"]" * 10**5, b'{"a":' * 10**5, b"[{" * 10**5,
            b"{" + b",".join(b'"k%d":1' % i for i in range(many)) + b"}",
            b"{" + b",".join(b"k%d:{}" % i for i in range(MAX_NODES - 1)) + b"}",
            b"[" + b"0," * many, b"[" + b"[]," * many, b"1" * 4 * many, b'{"to":' + b"1" * 4 * many + b"}",
            b'{"a":0.' + b"1" * 4 * many + b"}", b'{"a":1e' + b"9" * many + b"}",
            b"[" + b"1" * 100 + (b"a" + b"1" * 100) * 20_000,
            b"'" + b"\\\\" * many + b"'", b'"' + b"\\\\" * many + b"\\'\"", b'"' + b"\\ud83d" * 350_000 + b'"',
            (b'["\\\'"' + b",\n" * 200) * 5000, b'["' + b'\\\'","' * 9000 + b"\n" * many, b"," * many,
            b"[" + b"," * many, b" " * many + b"1", b'["' + b"x" * many, b"['" + b"x\\n" * many, b"{" + b"a" * many,
            b'["' + b'",,"' * many, b"\xff" * many,
        ]  # fmt: skip
        for bomb in bombs:
            before = process_time()
            try:
                parse(bomb)
            except NotJSON:
                pass
            # 1 to 15 ms here; the rest is for slower machines.
            self.assertLess(process_time() - before, 1.0, bomb[:20])

    @settings(max_examples=200, deadline=None, database=None)
    @given(JSON)
    def test_anyValue(self, value: Any) -> None:
        """
        Any JSON value survives, however it is escaped.
        """
        for text in (json.dumps(value), json.dumps(value, ensure_ascii=False, indent=1)):
            self.check(text, value)

    @settings(max_examples=300, deadline=None, database=None)
    @given(
        st.one_of(
            st.binary(max_size=50), st.lists(st.sampled_from(FRAGMENTS), max_size=15).map("".join).map(str.encode)
        )
    )
    def test_anyBytes(self, data: bytes) -> None:
        """
        Any bytes are read or refused, and what strict JSON says is not read
        as something else.
        """
        try:
            value = parse(data, repair=True)
        except NotJSON:
            return
        self.assertEqual(repr(parse(MARK + data, repair=True)), repr(value))
        try:
            strict = json.loads(data)
        except ValueError:
            return
        self.assertEqual(repr(value), repr(strict))
