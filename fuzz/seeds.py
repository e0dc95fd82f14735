"""
What the targets start from: what real clients of J-IM send, as it was
recorded (C{imtw/test/conformance/jim}), and a few lines of our own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Any

from imtw.test.wire import TEXT, bodyOf, frameOf, socketFrame, upgradeOf

LONGEST = 4096  # bytes; a seed that is longer only takes time
FIN = 0x80

Step = dict[str, Any]

ODD_JSON = [
    rb'{"cmd":"11","content":"\ud83d\ude00\u0000","extras":{"a":[null,{"b":null}],"c":1e300},"chatType":2.0,"to":7}',
    b"{'cmd':11,,chatType:'1',group-id:\"100\",CONTENT:{\"a\":[1,2]},msg_type:'',}",
    b'\xef\xbb\xbf{"type":1,"userId":"a","fromUserId":"b","beginTime":1.5e12,"endTime":"2e12","offset":0,"count":-1}',
    b"[" * 70 + b"]" * 70,
    b'{"createTime":99999999999999999999,"id":"' + b"9" * 101 + b'"}',
]


@cache
def cases() -> list[list[Step]]:
    """
    The steps of every recorded case; none where they are not installed.
    """
    folder = files("imtw.test").joinpath("conformance", "jim")
    if not folder.is_dir():
        return []
    found = sorted((file for file in folder.iterdir() if file.name.endswith(".json")), key=lambda file: file.name)
    return [_plain(json.loads(file.read_text(encoding="utf-8"))["steps"]) for file in found]


def _plain(value: Any) -> Any:
    """
    The same without its variables: C{${RUN}} and the like.
    """
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if not isinstance(value, str):
        return value
    return 1546300800000 if value == "${NOW}" else value.replace("${RUN}", "r")


def sent() -> Iterator[tuple[str, Step]]:
    """
    All that is sent: on which carrier, and the step.
    """
    for steps in cases():
        carriers: dict[str, str] = {}
        for step in steps:
            if "open" in step:
                carriers[step["open"]] = step["via"]
            elif "send" in step:
                for one in step.get("glued", [step]):
                    yield carriers[step["send"]], one


def payload(step: Step) -> bytes:
    """
    What a step sends, without what the carrier puts around it.
    """
    if "hex" in step:
        return bytes.fromhex(step["hex"])
    if "text" in step:
        return str(step["text"]).encode()
    return bodyOf(step.get("json"))


def onWire(carrier: str, step: Step) -> bytes:
    """
    The bytes that a step puts on its connection.
    """
    body = payload(step)
    if carrier == "ws:json" and "bare" not in step:
        first = FIN * step.get("fin", True) | step.get("opcode", TEXT)
        return socketFrame(body, first)
    if carrier == "tcp:jim" and "hex" not in step:
        return frameOf(step["cmd"], body, int(step.get("mask", "51"), 16), step.get("seq"))
    return body


def bodies() -> list[tuple[int, bytes]]:
    """
    Command codes and bodies.
    """
    found = [(int(step["cmd"]), payload(step)) for carrier, step in sent() if "cmd" in step and carrier == "tcp:jim"]
    found += [(int(step["json"].get("cmd") or 0), payload(step)) for _, step in sent() if "json" in step]
    found += [(11, body) for body in ODD_JSON]
    return _few(found)


def texts() -> list[bytes]:
    """
    Bodies alone.
    """
    return _few([body for _, body in bodies()])


def streams() -> list[bytes]:
    """
    What J-IM's TCP clients send on one connection.
    """
    return _streams("tcp:jim", "tcp:bytes")


def sockets() -> list[bytes]:
    """
    What WebSocket clients send behind the upgrade.
    """
    return _streams("ws:json")


def heads() -> list[bytes]:
    """
    HTTP requests and upgrades.
    """
    found = [upgradeOf(step["path"]) for steps in cases() for step in steps if step.get("via") == "ws:json"]
    for steps in cases():
        for step in steps:
            if "http" in step:
                body = bodyOf(step.get("json", step.get("text", "").encode()))
                line = f"{step['http']} {step['path']} HTTP/1.1\r\nHost: localhost\r\n"
                found.append(f"{line}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    found.append(b"GET /a%20b?x=%ff&y HTTP/1.0\r\nHost: [::1]:9733\r\nAuthorization: Basic YTpi\r\n\r\n")
    return _few(found + _streams("tcp:http"))


def connections() -> list[bytes]:
    """
    All that comes on one connection, from its first byte on.
    """
    upgrade = upgradeOf("/?username=ann&password=123")
    login = frameOf(5, b'{"cmd":5,"loginname":"ann","password":"123"}')
    return _few([*streams(), *(login + one for one in streams()), *(upgrade + one for one in sockets()), *heads()])


def _streams(*carriers: str) -> list[bytes]:
    """
    What goes over each connection of these carriers.
    """
    found = []
    for steps in cases():
        open_: dict[str, bytes] = {}
        kind: dict[str, str] = {}
        for step in steps:
            if "open" in step:
                open_[step["open"]], kind[step["open"]] = b"", step["via"]
            elif "send" in step:
                for one in step.get("glued", [step]):
                    open_[step["send"]] += onWire(kind[step["send"]], one)
        found += [data for name, data in open_.items() if kind[name] in carriers]
    return _few(found)


def _few(found: list[Any]) -> list[Any]:
    """
    Each once, and none that is long.
    """
    return [one for one in dict.fromkeys(found) if len(one if isinstance(one, bytes) else one[1]) <= LONGEST]
