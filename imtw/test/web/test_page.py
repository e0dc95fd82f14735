"""
The chat page, in a real browser against a real server.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from typing import Any

from twisted.internet import reactor
from twisted.internet.utils import getProcessOutputAndValue
from twisted.trial.unittest import SkipTest, TestCase

from imtw.test.live import serve
from imtw.test.web.original import writePage

NEEDED = "IMTW_REQUIRE_ALL"  # set where a missing part is a failure


def findChromium() -> str:
    """
    The browser.

    @raise SkipTest: there is none, or nothing to drive it with.
    """
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    missing = "" if chromium else "no Chromium is installed"
    try:
        import playwright  # noqa: F401
    except ImportError:
        missing = "playwright is not installed"
    if missing and not os.environ.get(NEEDED):
        raise SkipTest(missing)
    assert not missing, missing
    assert chromium is not None
    return chromium


class PageTestCase(TestCase):
    """
    Tests that drive a browser.
    """

    timeout = 90

    async def play(self, scenario: str, *arguments: str) -> dict[str, Any]:
        """
        Play a scenario of L{imtw.test.web.browser}: what was seen.  The
        browser's console must have stayed empty.

        @param arguments: of the server.
        """
        chromium = findChromium()
        live = await serve(*arguments)
        try:
            program = os.path.join(os.path.dirname(__file__), "browser.py")
            url = f"http://127.0.0.1:{live.port}/"
            out, err, code = await getProcessOutputAndValue(
                sys.executable, [program, chromium, url, scenario], env=dict(os.environ), reactor=reactor
            )
        finally:
            await live.stop()
        self.assertEqual(code, 0, err.decode()[-3000:])
        result = json.loads(out)
        self.assertEqual(result["complaints"], [])
        seen: dict[str, Any] = result["seen"]
        return seen


class PageTests(PageTestCase):
    """
    People use the page.
    """

    async def test_twoTabsChat(self) -> None:
        """
        Two people talk in the lobby and in private, in two languages, and
        one sees the other type.
        """
        seen = await self.play("chat")
        self.assertEqual(seen, {"group": True, "private": True, "typing": True, "chinese": "zh-CN"})

    async def test_comesBack(self) -> None:
        """
        After a reload nobody has to log in again, and nothing is missing; no
        secret is in the page's address.
        """
        self.assertEqual(await self.play("comesBack"), {"history": True, "missed": True, "inURL": False})

    async def test_groups(self) -> None:
        """
        A group can be made, talked in, and left.
        """
        self.assertEqual(await self.play("groups"), {"heard": True})

    async def test_markupIsText(self) -> None:
        """
        Markup in messages and names is shown as it was written and runs
        nothing.
        """
        self.assertEqual(await self.play("hostile"), {"texts": [], "elements": []})

    async def test_operatorsOwn(self) -> None:
        """
        A page that talks as that of J-IM's demo does works unchanged from a
        folder of the operator's, with its scripts inline.
        """
        seen = await self.play("original", "--page", writePage(self.mktemp()))
        self.assertEqual(
            seen,
            {
                "style": "rgb(1, 2, 3)",
                "picture": 1,
                "users": True,
                "ann": ["join bob bob", "at bob: to all", "at bob: to ann", "raw 4", "raw 13", "exit bob bob"],
                "pending": ["10016 ann : while away true"],
                "history": ["10018 bob : to ann true", "10018 ann : while away true", "10018 bob 100: to all true"],
            },
        )
