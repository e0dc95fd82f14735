"""
C{POST /api/command/<name>}: the route that every command has.
"""

from __future__ import annotations

from typing import Any

import msgspec
from twisted.web.resource import IResource
from twisted.web.server import Request

from imtw.commands import Command, Status
from imtw.errors import CommandRefused
from imtw.interfaces import ICommandHandler
from imtw.protocols.caller import identify, libertiesOf, sessionOf
from imtw.protocols.http import CODES, AsyncResource, bodyOf, respond, settled
from imtw.protocols.site import encode
from imtw.server import Core
from imtw.slots import refusalOf


class JSONReader:
    """
    Reads a command's request from a JSON body, strictly: an HTTP caller is
    told what is wrong.
    """

    def __init__(self) -> None:
        self.complaint = ""

    def read(self, command: Command, body: bytes) -> Any:
        """
        The request, or a refusal.
        """
        try:
            return msgspec.json.decode(body or b"{}", type=command.request)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
            self.complaint = str(error)
            raise CommandRefused(Status.BAD_REQUEST) from None


class CommandResource(AsyncResource):
    """
    C{POST /api/command/<name>}: any command, with its own request and reply.
    """

    methods = (b"POST",)

    def __init__(self, core: Core, handler: ICommandHandler) -> None:
        super().__init__()
        self._core = core
        self._handler = handler

    async def answer(self, request: Request) -> None:
        """
        Log the caller in for this one command, and give it.
        """
        core = self._core
        command = self._handler.command
        reader = JSONReader()
        session = sessionOf(core, request, libertiesOf(core, request))
        try:
            await identify(core, request, session)
        except CommandRefused as refused:
            reply = refusalOf(refused)
        else:
            result = core.dispatcher.call(self._handler, session, reader, bodyOf(request))
            reply = await settled(core, command, result)
        core.sessions.remove(session)
        answer: dict[str, Any] = {"command": command.replyCode}
        if reply.status is not None:
            answer["code"] = int(reply.status)
            answer["msg"] = reader.complaint or reply.reason or reply.status.name.lower().replace("_", " ")
        if reply.data is not None:
            answer["data"] = reply.data
        respond(request, CODES.get(reply.status, 200) if reply.status else 200, encode(answer))


def commandRoutes(core: Core) -> dict[str, IResource]:
    """
    The routes of all commands that make sense for one request.
    """
    return {
        f"api/command/{handler.command.name}": CommandResource(core, handler)
        for handler in core.registry
    }
