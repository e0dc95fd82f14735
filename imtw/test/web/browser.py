"""
Drives the chat page in a real browser: a program of its own, because
playwright's plain interface must not run beside a reactor::

    python browser.py CHROMIUM URL SCENARIO

Prints one line of JSON: what it saw.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Dialog, Page, sync_playwright

ARGUMENTS = [
    "--no-sandbox",  # as root in CI
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
PATIENCE = 10_000  # ms
HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "<script>alert(1)</script>",
    "\"><svg onload=alert(1)>",
    "javascript:alert(1)",
    "&lt;b&gt;",
    "{{7*7}}",
    "<a href='javascript:alert(1)'>x</a>",
    "</textarea><script>alert(1)</script>",
]


class Tabs:
    """
    Tabs of people who do not know each other, and what they complained of.
    """

    def __init__(self, browser: Browser, url: str) -> None:
        self.browser = browser
        self.url = url
        self.complaints: list[str] = []

    def open(self, name: str, password: str = "a password", locale: str = "en-US") -> Page:
        """
        Open the page and log in.
        """
        context = self.browser.new_context(locale=locale, viewport={"width": 1100, "height": 720})
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("console", lambda message: self.complain(name, message.text))
        page.on("pageerror", lambda error: self.complain(name, str(error)))
        page.on("dialog", lambda dialog: self.complain(name, "a dialog: " + dialog.message))
        page.goto(self.url)
        page.fill("#login-name", name)
        page.fill("#login-password", password)
        page.click("#login-button")
        page.wait_for_selector('[data-chat="group:100"]')
        return page

    def complain(self, name: str, text: str) -> None:
        """
        Keep what should not have been there.
        """
        self.complaints.append(f"{name}: {text}")


def say(page: Page, chat: str, text: str) -> None:
    """
    Choose a conversation and send a text.
    """
    page.click(f'[data-chat="{chat}"]')
    page.fill("#composer", text)
    page.press("#composer", "Enter")


def hears(page: Page, chat: str, text: str) -> bool:
    """
    Choose a conversation and wait for a text.
    """
    page.click(f'[data-chat="{chat}"]')
    page.locator(".message-text", has_text=text).first.wait_for()
    return True


def chat(tabs: Tabs) -> dict[str, Any]:
    """
    Two people talk in the lobby and in private, and see each other type.
    """
    ann, bob = tabs.open("ann"), tabs.open("小明", locale="zh-CN")
    say(ann, "group:100", "hello everybody")
    seen: dict[str, Any] = {"group": hears(bob, "group:100", "hello everybody")}
    bob.wait_for_selector('[data-chat="user:ann"]')
    say(bob, "user:ann", "你好, ann")
    seen["private"] = hears(ann, "user:小明", "你好, ann")
    bob.type("#composer", "and")
    ann.locator("#typing", has_text="小明").wait_for()
    seen["typing"] = True
    seen["chinese"] = bob.get_attribute("html", "lang")
    return seen


def comesBack(tabs: Tabs) -> dict[str, Any]:
    """
    A reload needs no password and finds the history; what was said meanwhile
    is there.
    """
    ann, bob = tabs.open("ann"), tabs.open("bob")
    say(ann, "group:100", "before")
    hears(bob, "group:100", "before")
    bob.goto("about:blank")
    say(ann, "group:100", "while away")
    say(ann, "group:100", "and more")
    bob.goto(tabs.url)
    bob.wait_for_selector('[data-chat="group:100"]')
    return {
        "history": hears(bob, "group:100", "before"),
        "missed": hears(bob, "group:100", "while away"),
        "inURL": "password" in bob.url or "token" in bob.url,
    }


def groups(tabs: Tabs) -> dict[str, Any]:
    """
    A group is made by joining it, and left again.
    """
    ann, bob = tabs.open("ann"), tabs.open("bob")
    for page in (ann, bob):
        page.fill("#join-group", "tea")
        page.press("#join-group", "Enter")
        page.wait_for_selector('[data-chat="group:tea"]')
    say(ann, "group:tea", "who wants some?")
    seen = {"heard": hears(bob, "group:tea", "who wants some?")}
    bob.click("#leave-group")
    bob.wait_for_selector('[data-chat="group:tea"]', state="detached")
    return seen


def hostile(tabs: Tabs) -> dict[str, Any]:
    """
    Markup in texts is text.
    """
    ann, bob = tabs.open("ann<b>"), tabs.open("bob")
    for text in HOSTILE:
        say(ann, "group:100", text)
    bob.click('[data-chat="group:100"]')
    bob.locator(".message-text").nth(len(HOSTILE) - 1).wait_for()
    texts = bob.locator(".message-text").all_inner_texts()
    return {
        "texts": [text for text in HOSTILE if text not in texts],
        "elements": bob.locator(".message-text *").evaluate_all("nodes => nodes.map((node) => node.outerHTML)"),
    }


def original(tabs: Tabs) -> dict[str, Any]:
    """
    Two people use a page that talks as that of J-IM's demo.
    """

    def connected(name: str) -> Page:
        page = tabs.browser.new_context().new_page()
        page.set_default_timeout(PATIENCE)
        page.on("console", lambda message: tabs.complain(name, message.text))
        page.on("pageerror", lambda error: tabs.complain(name, str(error)))
        page.goto(tabs.url)
        host, port = urlsplit(tabs.url).hostname, urlsplit(tabs.url).port
        for field, value in (("serverIp", host), ("port", port), ("username", name)):
            page.fill(f"#{field}", str(value))
        page.click("#connect")
        page.wait_for_function("document.getElementById('state').innerText == '10007' && user")
        return page

    def lines(page: Page, last: str) -> list[str]:
        page.locator("#lines p", has_text=last).first.wait_for()
        return page.locator("#lines p").all_inner_texts()

    ann, bob = connected("ann"), connected("bob")
    ann.wait_for_function("document.getElementById('users').innerText.includes('/bob/bob')")
    seen: dict[str, Any] = {
        "style": ann.evaluate("getComputedStyle(document.getElementById('state')).color"),
        "picture": ann.evaluate("document.images[0].naturalWidth"),
        "users": "/ann/ann" in bob.inner_text("#users"),
    }
    bob.evaluate("speak('to all')")
    lines(ann, "to all")  # order is promised within a conversation only
    bob.evaluate("whisper('ann', 'to ann')")
    lines(ann, "to ann")
    ann.evaluate("auth()")
    ann.evaluate("beat()")
    lines(ann, "raw 13")
    bob.evaluate("socket.close()")
    seen["ann"] = lines(ann, "exit bob")
    ann.evaluate("whisper('bob', 'while away')")
    lines(ann, "12 10001")
    again = connected("bob")
    seen["pending"] = lines(again, "while away")
    again.evaluate("history('ann')")
    lines(again, "10018 ann")
    again.evaluate("groupHistory('100')")
    seen["history"] = lines(again, "10018 bob 100")[1:]
    return seen


def rooms(tabs: Tabs) -> dict[str, Any]:
    """
    FastIM's test page in two tabs: the same room, markup, what it says when
    something is missing, and its buttons.
    """
    said: list[str] = []

    def answered(dialog: Dialog) -> None:
        said.append(dialog.message)
        dialog.accept()

    def opened(name: str) -> Page:
        page = tabs.browser.new_context().new_page()
        page.set_default_timeout(PATIENCE)
        page.on("console", lambda message: tabs.complain(name, message.text))
        page.on("pageerror", lambda error: tabs.complain(name, str(error)))
        page.on("dialog", answered)
        page.goto(tabs.url + "test/websocket")
        return page

    ann, bob = opened("ann"), opened("bob")
    preset = ann.input_value("#wsaddr")
    ann.fill("#message", "too early")
    ann.get_by_text("发送", exact=True).click()
    for name, page in (("ann", ann), ("bob", bob)):
        page.fill("#wsaddr", preset.replace("/1/1/xxx", f"/room/{name}/x"))
        page.get_by_text("连接", exact=True).click()
        page.locator("#output", has_text='"list":[').wait_for()
    for text in HOSTILE:
        ann.fill("#message", text)
        ann.press("#message", "Enter")
        bob.locator("#output", has_text=json.dumps(text, ensure_ascii=False)).wait_for()
    ann.locator("#output", has_text=json.dumps(HOSTILE[-1], ensure_ascii=False)).wait_for()
    bob.get_by_text("断开", exact=True).click()
    bob.locator("#output", has_text="WebSocket连接断开").wait_for()
    bob.fill("#message", "too late")
    bob.get_by_text("发送", exact=True).click()
    bob.fill("#message", "")
    bob.get_by_text("发送", exact=True).click()
    bob.get_by_text("清空", exact=True).click()
    cleared = bob.input_value("#wsaddr")
    bob.get_by_text("连接", exact=True).click()
    colours = [
        ann.locator(f"#output div:has-text('{text}')").first.evaluate("line => getComputedStyle(line).color")
        for text in ("WebSocket连接成功", "服务端回应", "你发送的信息")
    ]
    return {
        "preset": preset.removeprefix(tabs.url.replace("http", "ws", 1)),
        "title": ann.title(),
        "heading": ann.inner_text("h1"),
        "placeholder": ann.get_attribute("#message", "placeholder"),
        "cleared": cleared,
        "colours": len(set(colours)),
        "elements": ann.locator("#output img, #output svg, #output a, #output script").count(),
        "said": said,
    }


SCENARIOS: dict[str, Callable[[Tabs], dict[str, Any]]] = {
    "rooms": rooms,
    "chat": chat,
    "comesBack": comesBack,
    "groups": groups,
    "hostile": hostile,
    "original": original,
}


def main() -> None:
    """
    Play one scenario.
    """
    chromium, url, scenario = sys.argv[1:]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        tabs = Tabs(browser, url)
        seen = SCENARIOS[scenario](tabs)
        browser.close()
    print(json.dumps({"seen": seen, "complaints": tabs.complaints}))


if __name__ == "__main__":
    main()
