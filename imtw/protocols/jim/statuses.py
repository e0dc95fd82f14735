"""
The texts that go with a status (docs/wire/jim.rst, Statuses): a description,
a blank, and the text.  Clients show them, and some compare.
"""

from __future__ import annotations

from imtw.commands import Command, Status

_HOW_TO_SEND = (
    "消息发送失败,数据格式不正确,请参考:{'from':来源ID,'to':目标ID,'cmd':'消息命令码',"
    "'createTime':消息创建时间(Long型),'msgType':Integer消息类型,'content':内容}"
)

TEXTS = {
    Status.SENT: "ok 发送成功",
    Status.OFFLINE: "offline 用户不在线",
    Status.NOT_SENT: "send failed " + _HOW_TO_SEND,
    Status.USER_FOUND: "ok 获取用户信息成功!",
    Status.USER_NOT_FOUND: "get user failed ! 获取用户信息失败!",
    Status.ONLINE_USERS: "ok 获取所有在线用户信息成功!",
    Status.OFFLINE_USERS: "ok 获取所有离线用户信息成功!",
    Status.LOGGED_IN: "ok 登录成功!",
    Status.LOGIN_FAILED: "login failed ! 登录失败!",
    Status.AUTHENTICATED: "ok 鉴权成功!",
    Status.AUTH_FAILED: "auth failed! 鉴权失败!",
    Status.JOINED: "join group ok! 加入群组成功!",
    Status.NOT_JOINED: "join group failed! 加入群组失败!",
    Status.NO_MESSAGES: "get user message failed! 获取用户消息失败!",
    Status.PENDING: "get user message ok! 获取离线消息成功!",
    Status.UNKNOWN_COMMAND: "cmd failed! 未知的cmd命令!",
    Status.HISTORY: "get user message ok! 获取历史消息成功!",
    Status.ONLINE: "online 用户在线",
    Status.INVALID: "Invalid verification! 不合法校验",
    Status.CLOSED: "close ok! 关闭成功",
    Status.OK: "ok 成功",
    Status.BAD_REQUEST: "bad request 请求格式不正确",
    Status.FORBIDDEN: "forbidden 没有权限",
    Status.NOT_FOUND: "not found 不存在",
    Status.BUSY: "busy 服务器忙,请稍后再试",
    Status.NOT_STORED: "not stored 消息未保存",
    Status.TOO_LATE: "too late 已超过时限",
    Status.CONFLICT: "conflict 消息ID已被使用",
    Status.TOO_MANY: "too many 超过数量限制",
}

_OWN = 10100  # from here on statuses are imtw's own, which J-IM's clients do not know
_KNOWN = frozenset([1, 3, 5, 7, 11, 13, 14, 17, 19])  # the commands they know


def statusFor(command: Command, status: Status) -> Status:
    """
    The status that clients of J-IM know: of its own commands one of its own,
    of imtw's commands any.
    """
    return command.failure if status >= _OWN and command.code in _KNOWN else status
