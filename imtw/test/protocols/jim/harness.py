"""
J-IM's clients, and a server for them.
"""

from __future__ import annotations

from typing import Any

from imtw.test.clients import Talker
from imtw.test.live import LiveTestCase

STRICT = ("--strict", "jim")
NO_LOBBY = ("--lobby", "none")
UNKNOWN = {"code": 10017, "command": 0, "msg": "cmd failed! 未知的cmd命令!"}
NOT_SENT = (
    "send failed 消息发送失败,数据格式不正确,请参考:{'from':来源ID,'to':目标ID,'cmd':'消息命令码',"
    "'createTime':消息创建时间(Long型),'msgType':Integer消息类型,'content':内容}"
)


def commands(events: list[Any]) -> list[int]:
    """
    The commands of these events.
    """
    return [one["command"] for one in events]


def listed(answer: Any, kind: str, name: str) -> list[Any]:
    """
    The messages of one conversation in an answer 20.
    """
    found: list[Any] = answer.get("data", {}).get(kind, {}).get(name, [])
    return found


class QuirkTestCase(LiveTestCase):
    """
    A server, and Ann.
    """

    arguments: tuple[str, ...] = NO_LOBBY

    async def prepare(self) -> None:
        self.live = await self.serve(*self.arguments)
        self.ann = await self.tcp(self.live.port, "ann")

    async def history(self, partner: str = "", group: str = "") -> list[Any]:
        """
        What was said, as Ann can read it.
        """
        where = {"groupId": group} if group else {"fromUserId": partner}
        self.ann.say(19, {"cmd": 19, "type": 1, "userId": "ann", **where})
        answer = (await self.ann.upTo(20))[-1]
        return listed(answer, "groups", group) if group else listed(answer, "friends", partner)

    async def pair(self) -> list[Talker]:
        """
        Bob over TCP and Cid over WebSocket.
        """
        return [await self.tcp(self.live.port, "bob"), await self.ws(self.live.port, "cid")]
