"""
The chat page, served as it lies in the package.
"""

from __future__ import annotations

from importlib.resources import files

from twisted.web.resource import IResource
from twisted.web.server import Request
from twisted.web.static import Data

#: Nothing runs or loads that is not ours, and nobody may frame the page.
SECURITY = {
    b"Content-Security-Policy": b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    b"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    b"X-Content-Type-Options": b"nosniff",
    b"Referrer-Policy": b"no-referrer",
    b"Cross-Origin-Opener-Policy": b"same-origin",
    b"Cache-Control": b"no-cache",
}

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}


class PageFile(Data):
    """
    One file of the page, with what a browser has to know to keep it safe.
    """

    def render_GET(self, request: Request) -> bytes:
        """
        The file.
        """
        for name, value in SECURITY.items():
            request.setHeader(name, value)
        body: bytes = super().render_GET(request)
        return body

    render = render_GET  # by any method, as J-IM has it


def pageRoutes() -> dict[str, IResource]:
    """
    The files of the page by their names, and the page itself at the root.
    """
    routes: dict[str, IResource] = {}
    for file in files("imtw.web").joinpath("page").iterdir():
        kind = TYPES.get("." + file.name.rpartition(".")[2])
        if kind is not None:
            routes[file.name] = PageFile(file.read_bytes(), kind)
    routes[""] = routes["index.html"]
    return routes
