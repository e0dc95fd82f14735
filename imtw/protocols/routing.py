"""
Which resource answers a path of a port.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twisted.web.resource import IResource, Resource
from twisted.web.server import Request
from twisted.web.static import File

from imtw.commands import Status
from imtw.protocols.site import JSON, encode
from imtw.protocols.upgrade import UpgradeResource

UNKNOWN = "application/octet-stream"  # a file whose name says nothing


class Folder(File):
    """
    A folder of the operator's: files, and nothing about what files there
    are.  Hidden ones are not served, but for C{.well-known}.

    What its pages may run and load is up to the operator: no policy is sent
    with them.
    """

    contentTypes = {**File.contentTypes, ".js": "text/javascript", ".mjs": "text/javascript"}
    childNotFound: IResource  # type: ignore[assignment]

    def getChild(self, path: bytes, request: Request) -> IResource:
        """
        What is in the folder by this name.
        """
        try:
            name = path.decode()
        except UnicodeDecodeError:
            return self.childNotFound
        if "\0" in name or (name.startswith(".") and name != ".well-known"):
            return self.childNotFound
        found: IResource = super().getChild(path, request)
        return found

    def render_GET(self, request: Request) -> Any:
        """
        The file; a browser is not to guess what it is.
        """
        request.setHeader(b"X-Content-Type-Options", b"nosniff")
        return super().render_GET(request)

    render = render_GET  # by any method, as J-IM has it

    def directoryListing(self) -> IResource:
        """
        There is none.
        """
        return NotFound()


class Root(Resource):
    """
    The routes of a port, by whole path; a folder's resource takes what is
    below it.

    @param folder: the operator's, for what has no route.
    @param upgrade: takes upgrades to a WebSocket that are not the first
        request of their connection.
    @param elsewhere: answers where there is nothing.
    """

    def __init__(
        self,
        routes: Mapping[str, IResource],
        folder: str | None = None,
        upgrade: UpgradeResource | None = None,
        elsewhere: IResource | None = None,
    ) -> None:
        super().__init__()
        self._elsewhere = elsewhere or NotFound()
        self._upgrade = upgrade
        self._routes = routes
        self._longest = max((path.count("/") + 1 for path in routes), default=0)  # segments
        self._folder = Folder(folder, UNKNOWN) if folder is not None else None
        if self._folder is not None:
            self._folder.childNotFound = NotFound()

    def getChild(self, name: bytes, request: Request) -> IResource:
        """
        The longest route that this path begins with.
        """
        if self._upgrade is not None and self._upgrade.wants(request):
            return self._upgrade
        segments = [name, *(request.postpath or ())]
        for length in range(min(len(segments), self._longest), -1, -1):
            try:
                path = b"/".join(segments[:length]).decode()
            except UnicodeDecodeError:
                continue
            found = self._routes.get(path)
            if found is not None and (found.isLeaf or length == len(segments)):
                request.postpath = segments[length:]
                return found
        if self._folder is not None:
            file: IResource = self._folder.getChildWithDefault(name, request)
            return file
        return self._elsewhere


class NotFound(Resource):
    """
    There is nothing at this path.
    """

    isLeaf = True

    def render(self, request: Request) -> bytes:
        """
        Say so, for people and programs alike.
        """
        request.setResponseCode(404)
        request.setHeader(b"Content-Type", JSON)
        request.setHeader(b"X-Content-Type-Options", b"nosniff")
        return encode({"code": int(Status.NOT_FOUND), "msg": "there is nothing at this path"})
