"""
Tests of L{imtw.protocols.jim.answers}.
"""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from imtw.protocols.jim.answers import (
    HANDSHAKE_REPLY,
    HEARTBEAT_REPLY,
    AuthOut,
    ChatOut,
    GroupOut,
    JoinOut,
    MessagesOut,
    NoticeOut,
    UserOut,
    encodeChatPush,
    envelope,
)
from imtw.protocols.jim.bodies import ChatBody, decode

GOLDEN_PUSH = (
    b'{"command":11,"data":{"chatType":2,"cmd":11,"content":"hi","createTime":1546300800000,"from":"a",'
    b'"id":"0123456789abcdef0123456789abcdef","msgType":0,"to":"b"}}'
)


class EncodeChatPushTests(SynchronousTestCase):
    """
    Tests of L{encodeChatPush}.
    """

    def test_golden(self) -> None:
        """
        A push is J-IM's, byte for byte.
        """
        chat = ChatOut(
            to="b", msgType=0, id="0123456789abcdef0123456789abcdef", sender="a", createTime=1546300800000,
            content="hi", cmd=11, chatType=2,
        )  # fmt: skip
        self.assertEqual(encodeChatPush(chat), GOLDEN_PUSH)

    def test_allFields(self) -> None:
        """
        All keys are in alphabetical order; those of extras keep their own.
        """
        chat = ChatOut(
            avatar="u", chatType=1, cmd=11, content="", createTime=5, extras={"z": 1, "a": None, "键": {}}, sender="a",
            group_id="100", id="i", msgType=0, nick="n", seq=7, to="b",
        )  # fmt: skip
        self.assertEqual(
            encodeChatPush(chat).decode(),
            '{"command":11,"data":{"avatar":"u","chatType":1,"cmd":11,"content":"","createTime":5,"extras":{"z":1,"a":null,"键":{}},'
            '"from":"a","group_id":"100","id":"i","msgType":0,"nick":"n","seq":7,"to":"b"}}',
        )

    def test_absent(self) -> None:
        """
        What is not there is left out; 0 and an empty text are there.
        """
        self.assertEqual(encodeChatPush(ChatOut()), b'{"command":11,"data":{}}')
        self.assertEqual(
            encodeChatPush(ChatOut(content="", msgType=0)), b'{"command":11,"data":{"content":"","msgType":0}}'
        )

    def test_characters(self) -> None:
        """
        Characters stand for themselves, but for quotes, backslashes, control
        characters, and the two line ends that JavaScript has and JSON has
        not.
        """
        for content, wanted in [
            ("你好 👩‍👩‍👧‍👦 שלום é ﷺ 🀄️", "你好 👩‍👩‍👧‍👦 שלום é ﷺ 🀄️"),
            ('"q" \\ /', '\\"q\\" \\\\ /'),
            ("\n\t\r\b\f\x01\x00", "\\n\\t\\r\\b\\f\\u0001\\u0000"),
            ("<b>&amp;'", "<b>&amp;'"),
            ("a\u2028b\u2029c\u2027\u2030", "a\\u2028b\\u2029c\u2027\u2030"),
            ("\U000e8028 \u8028\ue280\xa8", "\U000e8028 \u8028\ue280\xa8"),
        ]:
            push = encodeChatPush(ChatOut(content=content))
            self.assertEqual(push.decode(), '{"command":11,"data":{"content":"' + wanted + '"}}')
            self.assertEqual(json.loads(push)["data"]["content"], content)

    def test_bigNumbers(self) -> None:
        """
        Extras may hold integers of any size that is let in.
        """
        push = encodeChatPush(ChatOut(extras={"n": 10**99, "m": -(10**99)}))
        self.assertEqual(
            push.decode(), '{"command":11,"data":{"extras":{"n":1' + "0" * 99 + ',"m":-1' + "0" * 99 + "}}}"
        )

    @settings(max_examples=150, deadline=None, database=None)
    @given(
        st.text(max_size=20),
        st.dictionaries(
            st.text(max_size=5),
            st.integers(-(2**70), 2**70) | st.text(max_size=5) | st.floats(allow_nan=False, allow_infinity=False),
        ),
        st.integers(-(2**63), 2**63 - 1),
    )  # fmt: skip
    def test_roundTrip(self, content: str, extras: dict[str, object], createTime: int) -> None:
        """
        What is pushed reads as what was sent.
        """
        chat = ChatOut(content=content, extras=extras, createTime=createTime, sender="a", chatType=2)
        data = json.loads(encodeChatPush(chat))["data"]
        self.assertEqual(
            decode(ChatBody, json.dumps(data).encode()),
            ChatBody(content=content, extras=extras, createTime=createTime, sender="a", chatType=2),
        )


class EnvelopeTests(SynchronousTestCase):
    """
    Tests of L{envelope}, by what J-IM says.
    """

    def check(self, body: bytes, text: str) -> None:
        """
        The body is the text, to the byte.
        """
        self.assertEqual(body.decode(), text)

    def test_replies(self) -> None:
        """
        A reply has code, command and msg.
        """
        self.check(envelope(6, code=10007, msg="ok 登录成功!"), '{"code":10007,"command":6,"msg":"ok 登录成功!"}')
        self.check(envelope(12, code=10000, msg="ok 发送成功"), '{"code":10000,"command":12,"msg":"ok 发送成功"}')
        self.check(
            envelope(0, code=10017, msg="cmd failed! 未知的cmd命令!"),
            '{"code":10017,"command":0,"msg":"cmd failed! 未知的cmd命令!"}',
        )

    def test_constants(self) -> None:
        """
        The replies to handshake and heartbeat have no code.
        """
        self.check(HANDSHAKE_REPLY, '{"command":2,"data":{"hbyte":-127}}')
        self.check(HEARTBEAT_REPLY, '{"command":13,"data":{"hbbyte":-128}}')

    def test_auth(self) -> None:
        """
        4 gives back what was sent.
        """
        self.check(
            envelope(
                4,
                code=10009,
                msg="ok 鉴权成功!",
                data=AuthOut(token="tauthKey", id="x1", extras={"b": [1]}, createTime=5),
            ),
            '{"code":10009,"command":4,"data":{"createTime":5,"extras":{"b":[1]},"id":"x1","token":"tauthKey"},'
            '"msg":"ok 鉴权成功!"}',
        )

    def test_join(self) -> None:
        """
        9 and 8 name the group; the user of 9 has id and nick only.
        """
        self.check(
            envelope(9, data=NoticeOut("100", UserOut(id="u1", nick="张三"))),
            '{"command":9,"data":{"group":"100","user":{"id":"u1","nick":"张三"}}}',
        )
        self.check(
            envelope(8, code=10011, msg="join group ok! 加入群组成功!", data=JoinOut("100", 1)),
            '{"code":10011,"command":8,"data":{"group":"100","result":1},"msg":"join group ok! 加入群组成功!"}',
        )

    def test_user(self) -> None:
        """
        18 nests groups in users and users in groups; empty lists stay.
        """
        user = UserOut(
            avatar="…",
            friends=[GroupOut(group_id="1", name="我的好友", users=[])],
            groups=[
                GroupOut(
                    group_id="100", name="J-IM朋友圈", users=[UserOut(avatar="…", id="u1", nick="…", terminal="ws")]
                ),
            ],
            id="u1", nick="…", terminal="ws",
        )  # fmt: skip
        self.check(
            envelope(18, code=10005, msg="ok 获取所有在线用户信息成功!", data=user),
            '{"code":10005,"command":18,"data":{"avatar":"…","friends":[{"group_id":"1","name":"我的好友","users":[]}],'
            '"groups":[{"group_id":"100","name":"J-IM朋友圈","users":[{"avatar":"…","id":"u1","nick":"…","terminal":"ws"}]}],'
            '"id":"u1","nick":"…","terminal":"ws"},"msg":"ok 获取所有在线用户信息成功!"}',
        )

    def test_messages(self) -> None:
        """
        20 has both maps, also when they are empty.
        """
        self.check(
            envelope(20, code=10018, msg="m", data=MessagesOut({"b": [ChatOut(content="x", sender="a")]}, {}, "a")),
            '{"code":10018,"command":20,"data":{"friends":{"b":[{"content":"x","from":"a"}]},"groups":{},"userid":"a"},"msg":"m"}',
        )

    def test_dict(self) -> None:
        """
        Data may be a dict: sorted, without nulls, but not further down.
        """
        self.check(
            envelope(12, data={"seq": 2, "id": "x", "a": None, "m": {"z": 1, "b": 2}}),
            '{"command":12,"data":{"id":"x","m":{"z":1,"b":2},"seq":2}}',
        )
        self.check(envelope(12, data={}), '{"command":12,"data":{}}')

    def test_lineEnds(self) -> None:
        """
        What is escaped in a push is escaped everywhere.
        """
        self.check(
            envelope(9, data=NoticeOut("g", UserOut(nick="\u2028"))),
            '{"command":9,"data":{"group":"g","user":{"nick":"\\u2028"}}}',
        )
