"""
Tests of L{imtw.protocols.jim.bodies}.
"""

from __future__ import annotations

import json
from time import process_time
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct
from twisted.trial.unittest import SynchronousTestCase

from imtw.protocols.jim.bodies import (
    AuthBody,
    BadBody,
    ChatBody,
    CloseBody,
    GetMessageBody,
    GetUserBody,
    JoinBody,
    LoginBody,
    RecallBody,
    commandOf,
    decode,
)

# Before a body it changes nothing, except that msgspec will not read it.
MARK = b"\xef\xbb\xbf"


class Plain(Struct, forbid_unknown_fields=True):
    """
    A type as L{imtw.commands} has them: no bounds, no nulls.
    """

    id: str
    count: int = 5
    begin: float = 0.5
    flag: bool = False
    more: dict[str, Any] | None = None


class Fixed(Struct, frozen=True, forbid_unknown_fields=True):
    """
    One whose fields cannot be put right afterwards.
    """

    extras: dict[str, Any] | None = None


TYPES: list[type[Struct]] = [
    AuthBody, LoginBody, JoinBody, ChatBody, CloseBody, RecallBody, GetUserBody, GetMessageBody, Plain, Fixed,
]  # fmt: skip

# Values that are odd for one type of field or another.
ODD = """
null true false 0 -0 2 -5 2.0 2.5 -0.0 1e3 1E18 1e19 1e999 NaN 9007199254740993.0 12345678901234567.0
9223372036854775807 9223372036854775808 -9223372036854775809 18446744073709551616 12345678901234567890123
"" "null" "NULL" "2" "-5" "+2" "007" "2.0" "2.5" "1e3" "1,000" "1_0" "１" "text" "NaN" "inf" "-Infinity" "1e999"
"9223372036854775808" "9007199254740993.0" "true" "FALSE" "1" "0" "你好" "\\ud83d\\ude00" "\\ud800"
[] {} [null,2] {"a":null} {"a":{"b":null,"c":[null]}} [1,{"a":null}] {"n":12345678901234567890123}
""".split()
KEYS = """
cmd id createTime extras token loginname userId userid UserID user_id device group_id groupId name online users from to
chatType chat-type msgType content nick avatar type beginTime endTime offset count fromUserId begin flag more other
__proto__
""".split()
ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
).map(lambda value: json.dumps(value, ensure_ascii=False))


def outcome(type_: type[Struct], body: bytes) -> str:
    """
    What is made of a body, to the type of each value.
    """
    try:
        return repr(decode(type_, body))
    except BadBody:
        return "refused"


class DecodeTests(SynchronousTestCase):
    """
    Tests of L{decode}.
    """

    def chat(self, body: str) -> ChatBody:
        """
        The body of a chat, which both readers read in the same way.
        """
        made = decode(ChatBody, body.encode())
        self.assertEqual(repr(decode(ChatBody, MARK + body.encode())), repr(made))
        return made

    def refused(self, body: str, type_: type[Struct] = ChatBody) -> None:
        """
        Both readers refuse the body.
        """
        self.assertRaises(BadBody, decode, type_, body.encode())
        self.assertRaises(BadBody, decode, type_, MARK + body.encode())

    def test_chat(self) -> None:
        """
        A chat as the Java client sends it.
        """
        made = self.chat(
            '{"chatType":1,"content":"hi","from":"hello_client","group_id":"100","msgType":0,"to":"admin"}'
        )
        self.assertEqual(
            made, ChatBody(chatType=1, content="hi", sender="hello_client", group_id="100", msgType=0, to="admin")
        )

    def test_page(self) -> None:
        """
        A chat as the browser page sends it, with texts for numbers.
        """
        made = self.chat(
            '{"from":"u","to":"v","cmd":11,"createTime":1527133207581,"chatType":"2","msgType":"0","content":"页面"}'
        )
        self.assertEqual(
            made, ChatBody(sender="u", to="v", cmd=11, createTime=1527133207581, chatType=2, msgType=0, content="页面")
        )

    def test_others(self) -> None:
        """
        Each command's body has its fields.
        """
        cases: list[tuple[type[Struct], str, Struct]] = [
            (AuthBody, '{"cmd":3,"token":"t","id":"x1","createTime":5,"extras":{"b":[1]},"other":1}',
             AuthBody(cmd=3, token="t", id="x1", createTime=5, extras={"b": [1]})),
            (LoginBody, '{"cmd":5,"loginname":778899,"password":123,"device":"phone","token":null}',
             LoginBody(cmd=5, loginname="778899", password="123", device="phone")),
            (LoginBody, '{"CMD":5,"user_id":"ann","pass_word":"123"}', LoginBody(cmd=5, userId="ann", password="123")),
            (JoinBody, '{"cmd":7,"groupId":"g","name":"n","avatar":"u","online":"3","users":[{"id":"x"}]}',
             JoinBody(cmd=7, group_id="g", name="n", avatar="u", online=3, users=[{"id": "x"}])),
            (CloseBody, '{"userId":1}', CloseBody(userid="1")),
            (RecallBody, '{"cmd":15,"id":"m","to":"b"}', RecallBody(cmd=15, id="m", to="b")),
            (GetUserBody, '{"cmd":17,"type":"0","userid":"u"}', GetUserBody(cmd=17, type=0, userid="u")),
            (GetMessageBody, '{"type":"1","userId":"u","fromUserId":"v","beginTime":1600000000002,"endTime":"5.5"}',
             GetMessageBody(type=1, userId="u", fromUserId="v", beginTime=1600000000002.0, endTime=5.5)),
            (GetMessageBody, '{"type":1,"groupId":"g","offset":1,"count":-1}',
             GetMessageBody(type=1, groupId="g", offset=1, count=-1)),
        ]  # fmt: skip
        for type_, body, wanted in cases:
            self.assertEqual(decode(type_, body.encode()), wanted)
            self.assertEqual(decode(type_, MARK + body.encode()), wanted)

    def test_numbersAndTexts(self) -> None:
        """
        Numbers may be texts and texts numbers.
        """
        made = self.chat('{"chatType":"2","to":123,"createTime":"1527133207581","content":3.5,"from":true}')
        self.assertEqual(made, ChatBody(chatType=2, to="123", createTime=1527133207581, content="3.5", sender="true"))

    def test_emptyNumber(self) -> None:
        """
        C{""}, C{"null"} and null count as no number.
        """
        for absent in ('""', '"null"', "null"):
            self.assertIsNone(self.chat(f'{{"to":"a","chatType":{absent}}}').chatType)

    def test_keys(self) -> None:
        """
        Keys may be spelled in other ways.
        """
        made = self.chat('{"cmd":11,"To":"a","chat-type":2,"msg_type":1,"CONTENT":"folded","groupId":"g"}')
        self.assertEqual(made, ChatBody(cmd=11, to="a", chatType=2, msgType=1, content="folded", group_id="g"))

    def test_unknownKeys(self) -> None:
        """
        Other keys are dropped, but for the fork's nick and avatar (D-10).
        """
        made = self.chat('{"content":"x","imgUrl":"http://x/y.png","foo":{"a":1},"status":3,"nick":"Ann","avatar":"u"}')
        self.assertEqual(made, ChatBody(content="x", nick="Ann", avatar="u"))

    def test_structureAsText(self) -> None:
        """
        An object or an array where a text is expected becomes its JSON text.
        """
        self.assertEqual(self.chat('{"content": {"k": [1, "二"]}}').content, '{"k":[1,"二"]}')
        self.assertEqual(self.chat('{"content": [ ]}').content, "[]")

    def test_otherNumbers(self) -> None:
        """
        C{"1,000"} is a thousand; true is 1, false 0; fractions are cut off.
        """
        made = self.chat('{"createTime":"1,000","chatType":true,"msgType":false,"cmd":2.5}')
        self.assertEqual(made, ChatBody(createTime=1000, chatType=1, msgType=0, cmd=2))

    def test_notUTF8(self) -> None:
        """
        A body that is not UTF-8 counts as absent; a chat's broken bytes
        become replacement characters.
        """
        body = b'{"content":"a\xffb","userid":"\xff"}'
        self.assertEqual(decode(ChatBody, body).content, "a\ufffdb")
        self.assertTrue(self.assertRaises(BadBody, decode, CloseBody, body).absent)

    def test_spelling(self) -> None:
        """
        Single quotes, keys without quotes and repeated commas are accepted.
        """
        made = self.chat("{cmd:11,'from':'ann',,to:'ann',chatType:2,'msgType':0,content:'it is \"lenient\"'}")
        self.assertEqual(
            made, ChatBody(cmd=11, sender="ann", to="ann", chatType=2, msgType=0, content='it is "lenient"')
        )

    def test_wordForNumber(self) -> None:
        """
        A word where a number is expected spoils the body.
        """
        self.refused('{"to":"a","chatType":2,"msgType":"text"}')

    def test_extras(self) -> None:
        """
        Extras are kept as they are, without null members of objects; nulls
        in arrays stay.
        """
        self.assertEqual(
            self.chat('{"extras":{"a":null,"b":{"c":null,"d":1},"e":[null,2,{"f":null}]}}').extras,
            {"b": {"d": 1}, "e": [None, 2, {}]},
        )
        text = (
            '{"键":{"a":[1,2.5,{"deep":[[],{}]}],"b":true,"c":""},"n":12345678901,"s":"{\\"not\\":\\"parsed\\"}",'
            '"__proto__":{"x":1}}'
        )
        self.assertEqual(self.chat('{"extras":' + text + "}").extras, json.loads(text))

    def test_extrasNotAnObject(self) -> None:
        """
        Extras that are something else spoil the body.
        """
        for extras in ("[1,2]", '"text"', '"{}"', "1", "true", '""', '"null"'):
            self.refused('{"content":"x","extras":' + extras + "}")
        self.assertIsNone(self.chat('{"extras":null}').extras)

    def test_content(self) -> None:
        """
        Content that is null is absent, an empty one is kept.
        """
        self.assertIsNone(self.chat('{"content":null}').content)
        self.assertEqual(self.chat('{"content":""}').content, "")
        self.assertEqual(self.chat('{"content":"null"}').content, "null")

    def test_refused(self) -> None:
        """
        What is not JSON, not an object, or out of every bound, is refused.
        """
        for body in (
            "", " ", "hello", "{", "null", "[]", "[{}]", "42", '"x"', "{}x",
            '{"createTime":9223372036854775808}', '{"createTime":"9223372036854775808"}', '{"createTime":1e19}',
            '{"msgType":{}}', '{"extras":{"a":NaN}}', '{"extras":{"a":1e999}}', '{"extras":{"a":"\\ud800"}}',
            '{"content":"\\udc00"}',
            '{"extras":{"a":' + "1" * 101 + "}}", '{"to":' + "1" * 400 + "}",
            '{"extras":' + '{"a":' * 64 + "1" + "}" * 65,
        ):  # fmt: skip
            self.refused(body)
        self.refused('{"beginTime":"NaN"}', GetMessageBody)
        self.refused('{"beginTime":"inf"}', GetMessageBody)

    def test_absent(self) -> None:
        """
        A body with nothing in it is told from one with nonsense.
        """
        for body in (b"", b" \n", b"null", b" null ", b"\xff\xfe", b"'\xe4'"):
            self.assertTrue(self.assertRaises(BadBody, decode, CloseBody, body).absent, body)
        for body in (b"close please", b"{", b"[]", b"0", b'{"createTime":"x"}', "你".encode()):
            self.assertFalse(self.assertRaises(BadBody, decode, CloseBody, body).absent, body)

    def test_plainTypes(self) -> None:
        """
        Types without bounds are held to the same ones.
        """
        self.assertEqual(decode(Plain, b'{"id":"1"}'), Plain("1"))
        self.assertEqual(decode(Plain, b'{"ID":1,"count":null,"begin":"2","flag":1}'), Plain("1", 5, 2.0, True))
        self.assertEqual(decode(Plain, b'{"id":"1","more":{"a":null}}'), Plain("1", more={}))
        for body in (
            "{}",
            '{"id":null}',
            '{"id":"","count":9223372036854775808}',
            '{"id":"","begin":"nan"}',
            '{"id":"","more":[]}',
        ):
            self.refused(body, Plain)
        self.assertEqual(decode(Fixed, b'{"extras":{"a":null}}'), Fixed({}))

    def test_longContent(self) -> None:
        """
        A long text is no bomb, whatever is in it and around it.
        """
        content = "字,[{" * 100_000
        for body in ('{"content":"%s"}', '{"chatType":"2","content":"%s"}', "{content:'%s'}", '{"CONTENT":"%s"}'):
            self.assertEqual(decode(ChatBody, (body % content).encode()).content, content)

    def test_bombs(self) -> None:
        """
        Bodies made to hurt are refused at once.
        """
        many = 10**6
        bombs = [
            b'{"extras":' + b'{"a":' * 10**5, b'{"extras":' + b'{"a":' * 900 + b"1" + b"}" * 901, b"[" * 10**5,
            b'{"users":[' + b"[]," * many + b"0]}", b'{"extras":{"a":[' + b"0," * many + b"0]}}",
            b"{" + b",".join(b'"k%d":1' % i for i in range(many)) + b"}",
            b'{"extras":{' + b",".join(b'"k%d":null' % i for i in range(many)) + b"}}",
            b'{"createTime":' + b"1" * 4 * many + b"}", b'{"createTime":"' + b"1" * 4 * many + b'"}',
        ]  # fmt: skip
        for bomb in bombs:
            for type_ in (ChatBody, JoinBody):
                before = process_time()
                self.assertRaises(BadBody, decode, type_, bomb)
                # 1 to 40 ms here; the rest is for slower machines.
                self.assertLess(process_time() - before, 1.0, bomb[:20])

    @settings(max_examples=500, deadline=None, database=None)
    @given(st.sampled_from(TYPES), st.lists(st.tuples(st.sampled_from(KEYS), st.sampled_from(ODD) | ANY), max_size=5))
    def test_bothReadersAgree(self, type_: type[Struct], members: list[tuple[str, str]]) -> None:
        """
        What msgspec reads by itself is what the lenient reader makes of it.
        """
        body = ("{" + ",".join(f'"{key}":{value}' for key, value in members) + "}").encode()
        self.assertEqual(outcome(type_, body), outcome(type_, MARK + body), body)

    def test_eachLiteral(self) -> None:
        """
        The same for each pair of a field and a value that is odd somewhere.
        """
        for type_ in TYPES:
            for name in type_.__struct_encode_fields__:
                for value in ODD:
                    body = f'{{"id":"i","{name}":{value}}}'.encode()
                    self.assertEqual(outcome(type_, body), outcome(type_, MARK + body), body)

    @settings(max_examples=200, deadline=None, database=None)
    @given(st.sampled_from(TYPES), st.binary(max_size=30))
    def test_anyBytes(self, type_: type[Struct], body: bytes) -> None:
        """
        Any bytes are read or refused.
        """
        outcome(type_, body)


class CommandOfTests(SynchronousTestCase):
    """
    Tests of L{commandOf}.
    """

    def test_command(self) -> None:
        """
        The command is found in any spelling.
        """
        for body in (
            b'{"cmd":13}',
            b'{"cmd":"13"}',
            b'{"x":[],"cmd":13}',
            b"{cmd:13}",
            b'{"CMD":13}',
            b"{'Cmd':'13',}",
            MARK + b'{"cmd":13}',
        ):
            self.assertEqual(commandOf(body), 13, body)
        self.assertEqual(commandOf(b'{"cmd":11,"content":"\xff"}'), 11)

    def test_none(self) -> None:
        """
        Anything else has none.
        """
        for body in (
            b"",
            b"hello",
            b"{}",
            b'{"type":1}',
            b"[1,2]",
            b"42",
            b"null",
            b'{"cmd":null}',
            b'{"cmd":"x"}',
            b'{"cmd":[]}',
            b"[" * 10**5,
            b"\xff",
        ):
            self.assertIsNone(commandOf(body), body[:20])
