"""
How clients speak: what the load generator (C{c/script.h}) is told to say and
to wait for.  A dialect over a carrier is a table.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

SIZE = 200  # bytes of a chat
MARK = "lg-$ID"
MARK_SIZE = 27
LETTERS = "abcdefghijklmnopqrstuvwxyz" * 8


@dataclass(frozen=True)
class Dialect:
    """
    One dialect over one carrier.

    @ivar hello: what is said and (a text alone) awaited before a client is
        ready.
    @ivar deliver: the command of a chat that is delivered, where frames have
        one.
    @ivar taken: what the answer to a chat contains, if it is taken.
    @ivar texts: what is said, by the name of what it is.
    @ivar answers: what the answer to it contains.
    """

    carrier: str
    hello: tuple[str, ...]
    texts: dict[str, str]
    answers: dict[str, str]
    path: str = ""
    deliver: int | None = None

    def script(self, text: str) -> str:
        """
        What the load generator reads.

        @param text: the name of one of the texts.
        """
        lines = [f"carrier {self.carrier}"]
        if self.path:
            lines.append(f"path {self.path}")
        lines += self.hello
        lines.append(f"say {self.texts[text]}")
        if text in self.answers:
            lines.append(f"answer {self.answers[text]}")
        if self.deliver is not None:
            lines.append(f"deliver {self.deliver}")
        return "\n".join(lines) + "\n"


def chat(where: str, command: int = 11) -> str:
    """
    A chat of L{SIZE} bytes.
    """
    body = f'{{"id":"{MARK}","from":"u$U",{where},"cmd":11,"createTime":1700000000000,"msgType":0,"content":"%s"}}'
    length = len(body) - 2 - len(MARK) + MARK_SIZE + body.count("$U") + body.count("$P")
    return f"{command}:{body % LETTERS[: SIZE - length]}"


JIM_TEXTS = {
    "heartbeat": '13:{"cmd":13,"hbbyte":"-127"}',
    "private": chat('"to":"u$P","chatType":2'),
    "group": chat('"group_id":"g","chatType":1'),
    "history": '19:{"cmd":19,"type":1,"userId":"u$U","groupId":"g","offset":$2,"count":50}',
    "conversations": '108:{"cmd":108,"limit":50}',
}
JIM_ANSWERS = {
    "heartbeat": '"hbbyte"',
    "private": '"command":12',
    "group": '"command":12',
    "history": '"code":10018',
    "conversations": '"conversations":[{',
}
LOGGED_IN = "ready 10007"

TCP = Dialect(
    "frames",
    ('hello 5:{"cmd":5,"loginname":"u$U","password":"p"}', LOGGED_IN),
    JIM_TEXTS,
    JIM_ANSWERS,
    deliver=11,
)
WS = Dialect("websocket", (LOGGED_IN,), JIM_TEXTS, JIM_ANSWERS, path="/?username=u$U&password=p")
JOIN = ('hello 7:{"cmd":7,"group_id":"g"}', "ready 10011")
TCP_GROUP = replace(TCP, hello=TCP.hello + JOIN)
WS_GROUP = replace(WS, hello=WS.hello + JOIN)
#: The same with a token, the first of a client's variables.
TCP_TOKEN = Dialect("frames", ('hello 5:{"cmd":5,"token":"$1"}', LOGGED_IN), JIM_TEXTS, JIM_ANSWERS, deliver=11)
WS_TOKEN = Dialect("websocket", (LOGGED_IN,), JIM_TEXTS, JIM_ANSWERS, path="/?token=$1")
#: FastIM: a room is a path, a message is text, and the sender's own copy is its answer.
FASTIM = Dialect(
    "websocket", ('ready "total"',), {"group": f"0:{(MARK + ' ' + LETTERS)[:100]}"}, {}, path="/group/chat/g/u$U/none"
)
#: easyim in JSON over TCP: $1 is one's number, $2 the partner's, $3 one's token.
EASYIM_HEARTBEAT = (
    r'0:{"from_user_id":"$1","msg_type":4,"content":"{\"key\":\"KEEP_ALIVE\"}","access_token":"$3"}'
)
EASYIM = Dialect(
    "objects",
    (f"hello {EASYIM_HEARTBEAT}", "ready SUCCESS"),
    {
        "heartbeat": EASYIM_HEARTBEAT,
        "private": f'0:{{"id":"{MARK}","seq":1,"from_user_id":"$1","to_user_id":"$2","status":1,'
        f'"content":"{LETTERS[:70]}"}}',
    },
    {"heartbeat": "SUCCESS"},
)
#: Who connects and does not log in.
STRANGER = Dialect("frames", (f"hello {JIM_TEXTS['heartbeat']}", "ready hbbyte"), JIM_TEXTS, JIM_ANSWERS)
