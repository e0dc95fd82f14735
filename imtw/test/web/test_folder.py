"""
An operator's own page: how its files are served.
"""

from __future__ import annotations

import os
from typing import Any

from imtw.test.live import LiveTestCase
from imtw.test.web.original import FILES, writePage


class FolderTests(LiveTestCase):
    """
    A folder, C{--page}.
    """

    async def prepare(self) -> None:
        outside = self.mktemp()
        os.makedirs(outside)
        with open(os.path.join(outside, "secret"), "wb") as stream:
            stream.write(b"TOP SECRET")
        self.live = await self.serve("--page", writePage(os.path.join(outside, "page")))

    async def get(self, path: str) -> Any:
        """
        Ask for a path.
        """
        return await self.http(self.live.port, "GET", path)

    async def test_files(self) -> None:
        """
        Files come as they are, each as what it is; the folder itself is its
        index.
        """
        for path, name, kind in (
            ("/", "index.html", "text/html"),
            ("/index.html", "index.html", "text/html"),
            ("/?a=b", "index.html", "text/html"),
            ("/static/js/date.js", "static/js/date.js", "text/javascript"),
            ("/static/css/demo.css", "static/css/demo.css", "text/css"),
            ("/static/demo.png", "static/demo.png", "image/png"),
            ("/.well-known/security.txt", ".well-known/security.txt", "text/plain"),
            ("/notes", "notes", "application/octet-stream"),
        ):
            answer = await self.get(path)
            self.assertEqual((answer.status, answer.body), (200, FILES[name]), path)
            self.assertEqual(answer.headers["content-type"], kind, path)
            self.assertEqual(answer.headers["x-content-type-options"], "nosniff", path)

    async def test_ownRules(self) -> None:
        """
        What scripts an own page runs is its operator's decision.
        """
        self.assertNotIn("content-security-policy", (await self.get("/")).headers)

    async def test_nothingElse(self) -> None:
        """
        There are no listings, no hidden files, and no way out of the folder.
        """
        for path in (
            *("/static/", "/static/js/", "/.htpasswd", "/static/../.htpasswd", "/nothing", "/%00", "/index.html%00"),
            *("/../secret", "/%2e%2e/secret", "/..%2fsecret", "/static/%2e%2e/%2e%2e/secret", "/%ff", "//secret"),
            *("/%5c..%5csecret", "/static/js/date.js/more", "/" + "x" * 300, "/.well-known/../.htpasswd"),
        ):
            answer = await self.get(path)
            self.assertEqual(answer.status, 404, path)
            self.assertNotIn(b"ecret", answer.body, path)
        self.assertNothingLogged()

    async def test_apiStays(self) -> None:
        """
        Routes of dialects and commands are in front of the folder's files.
        """
        self.assertEqual((await self.get("/api/command/heartbeat")).status, 405)
