"""
FastIM's test page, in a real browser and on the wire.
"""

from __future__ import annotations

import re

from imtw.protocols.fastim.page import PAGE
from imtw.test.live import LiveTestCase
from imtw.test.web.test_page import PageTestCase

OPEN = ("--dialect", "fastim:loginAuth=0")


class BrowserTests(PageTestCase):
    """
    People use the page.
    """

    async def test_twoTabs(self) -> None:
        """
        Two tabs talk in a room; markup is shown and runs nothing; the texts,
        buttons and alerts are the original's.
        """
        seen = await self.play("rooms", *OPEN)
        self.assertEqual(
            seen,
            {
                "preset": "group/chat/1/1/xxx",
                "title": "Fast-IM 测试页面",
                "heading": "WebSocket测试页面",
                "placeholder": "待发信息",
                "cleared": "",
                "colours": 3,
                "elements": 0,
                "said": [
                    "WebSocket还未连接或连接失败",
                    "WebSocket已经关闭，请重新连接",
                    "请填写发送信息",
                    "请填写websocket的地址",
                ],
            },
        )


class PageOnTheWireTests(LiveTestCase):
    """
    What a browser is sent.
    """

    async def test_safe(self) -> None:
        """
        Nothing comes from elsewhere, and only the page's own script runs.
        """
        live = await self.serve()
        answer = await self.http(live.port, "GET", "/test/websocket")
        self.assertEqual((answer.status, answer.body), (200, PAGE))
        policy = answer.headers["content-security-policy"]
        self.assertIn("default-src 'none'", policy)
        self.assertNotIn("unsafe", policy)
        self.assertEqual(re.findall(rb"(?:src|href)\s*=", PAGE), [])
        self.assertNotIn(b"//cdn", PAGE)
        self.assertNotIn(b"innerHTML", PAGE)

    async def test_head(self) -> None:
        """
        A HEAD gets the head alone; anything but reading is refused.
        """
        live = await self.serve()
        client = await self.raw(live.port)
        client.write(b"HEAD /test/websocket HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        await client.closed()
        head, _, body = client.received.partition(b"\r\n\r\n")
        self.assertTrue(head.startswith(b"HTTP/1.1 200 "))
        self.assertIn(b"Content-Length: %d" % len(PAGE), head)
        self.assertEqual(body, b"")
        answer = await self.http(live.port, "DELETE", "/test/websocket")
        self.assertEqual((answer.status, answer.headers["allow"]), (405, "GET"))
