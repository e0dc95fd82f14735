"""
FastIM's calls over HTTP, for who is logged in (docs/wire/fastim.rst, HTTP).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from twisted.web.server import Request

from imtw.commands import JOIN, RECALL, JoinGroup, Status
from imtw.errors import CommandRefused
from imtw.model import Draft, Fact, Message, Pair, User, groupPair
from imtw.protocols.caller import sessionOf
from imtw.protocols.fastim.forms import chatOf
from imtw.protocols.fastim.house import NAME, House
from imtw.protocols.fastim.parameters import Parameters, number, text
from imtw.protocols.fastim.texts import FAILURE, SUCCESS, envelope, textList
from imtw.protocols.http import give, settled
from imtw.sessions import Session

DONE, NOT_DONE = "操作成功", "操作失败"
FOUND = "获取成功"
RECALLED, TOO_LATE, NO_SUCH = "撤回消息成功", "无法撤回消息", "消息不存在"

Call = Callable[[House, Request, User, Parameters], Awaitable[bytes]]


def sessionFor(house: House, request: Request, user: User) -> Session:
    """
    The session of one call.
    """
    session = sessionOf(house.core, request)
    session.user = user
    session.realm = house.realm
    session.origin = NAME
    return session


async def joinGroup(house: House, request: Request, user: User, parameters: Parameters) -> bytes:
    """
    C{/user/joinGroup}: become a member of a room; to be one already is a
    failure.
    """
    name = text(parameters, "groupId")
    group = house.idOf(name)
    if group is None or await house.core.store.membership(user.id, group) is not None:
        return envelope(FAILURE, NOT_DONE)
    reply = await give(house.core, sessionFor(house, request, user), JOIN, JoinGroup(group, name or None))
    return envelope(SUCCESS, DONE) if reply.status is Status.JOINED else envelope(FAILURE, NOT_DONE)


async def listGroup(house: House, request: Request, user: User, parameters: Parameters) -> bytes:
    """
    C{/user/listGroup}: the rooms one is a member of.
    """
    groups = await house.core.store.groupsOf(user.id)
    return envelope(SUCCESS, DONE, textList((house.textOf(group.id) for group in groups), house.core.limits.answer))


async def listMessage(house: House, request: Request, user: User, parameters: Parameters) -> bytes:
    """
    C{/group/listMessage}: messages by their places from the oldest, which is
    0, both ends inclusive; -1 is the newest.

    The README gives C{listOldMessage} this path: what has its parameters is
    taken for that.
    """
    if "ts" in parameters and "startPage" not in parameters and "endPage" not in parameters:
        return await listOldMessage(house, request, user, parameters)
    name = text(parameters, "groupId")
    start, end = number(parameters, "startPage"), number(parameters, "endPage")
    pair = await readable(house, user, name)
    if pair is None:
        return envelope(FAILURE, NOT_DONE)
    store = house.core.store
    if start < 0 or end < 0:
        [tally] = await store.newest([pair], 0)
        start = max(0, start + tally.total) if start < 0 else start
        end = end + tally.total if end < 0 else end
    found = await store.history(pair, None, None, start, end - start + 1) if start <= end else []
    return envelope(SUCCESS, DONE, messageList(house, found, False))


async def listOldMessage(house: House, request: Request, user: User, parameters: Parameters) -> bytes:
    """
    C{/group/listOldMessage}: the last messages before one, which is named by
    its author and its time.
    """
    author, name = text(parameters, "userId"), text(parameters, "groupId")
    ts, count = number(parameters, "ts"), number(parameters, "count")
    pair = await readable(house, user, name)
    store = house.core.store
    anchor = None if pair is None else await store.at(pair, ts)
    if pair is None or anchor is None or anchor.sender != house.idOf(author):
        return envelope(SUCCESS, FOUND)
    if not house.options.strict:
        count = min(count, house.core.limits.page)
        found = await store.page(pair, None, anchor.seq, count) if count > 0 else []
        return envelope(SUCCESS, FOUND, messageList(house, found, True))
    found = await store.page(pair, None, anchor.seq, min(count + 1, house.core.limits.page)) if count >= 0 else []
    if not found and not await store.page(pair, None, anchor.seq, 1):  # in front of the oldest: all there is
        found = await store.history(pair, None, None, 0, None)
    return envelope(SUCCESS, FOUND, messageList(house, found, True))


async def delMessage(house: House, request: Request, user: User, parameters: Parameters) -> bytes:
    """
    C{/group/delMessage}: take an own message back, which is named by its
    time.
    """
    name, ts = text(parameters, "groupId"), number(parameters, "ts")
    core, within = house.core, house.options.recallTimeLimit
    if core.now() > ts + within * 1000:
        return envelope(FAILURE, TOO_LATE)
    group = house.idOf(name)
    found = None if group is None else await core.store.at(groupPair(group), ts)
    if group is None or found is None or found.sender != user.id:
        return envelope(SUCCESS, RECALLED) if house.options.strict else envelope(FAILURE, NO_SUCH)
    session = sessionFor(house, request, user)
    draft = Draft(found.pair, found.id, user.id, None, core.now(), given=True, fact=Fact.RECALL, meant=found.seq,
                  within=float(within))  # fmt: skip
    reply = await settled(core, RECALL, core.delivery.accept(session, draft))
    if reply.status in (Status.SENT, Status.OFFLINE):
        return envelope(SUCCESS, RECALLED)
    return envelope(FAILURE, REFUSALS.get(reply.status, NOT_DONE))


#: What a recall is answered that was refused.
REFUSALS: dict[Any, str] = {
    Status.TOO_LATE: TOO_LATE,
    Status.NOT_FOUND: NO_SUCH,
    Status.FORBIDDEN: NO_SUCH,
}


async def readable(house: House, user: User, name: str) -> Pair | None:
    """
    The conversation of a room; L{None} where this user may not read it.
    """
    group = house.idOf(name)
    if group is None:
        return None
    if house.options.membersOnly and await house.core.store.membership(user.id, group) is None:
        return None
    try:
        await house.core.members.mayRead(user, group)
    except CommandRefused:
        return None
    return groupPair(group)


def messageList(house: House, messages: list[Message], newest: bool) -> str:
    """
    Messages as data of an answer: each a text that is JSON.
    """
    return textList((chatOf(message, house.realm) for message in messages), house.core.limits.answer, newest)


CALLS: dict[str, Call] = {
    "/user/joinGroup": joinGroup,
    "/group/joinGroup": joinGroup,
    "/user/listGroup": listGroup,
    "/group/listMessage": listMessage,
    "/group/listOldMessage": listOldMessage,
    "/group/delMessage": delMessage,
}
