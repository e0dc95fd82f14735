"""
What reads the bytes of FastIM's peers, and what its own seeds are: what was
recorded (C{imtw/test/conformance/fastim}), and a few lines beside.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import urlencode

from imtw.protocols.fastim.parameters import MOST, BadParameter, number, parametersOf
from imtw.protocols.fastim.paths import isMalformed, isOurs, targetOf
from imtw.protocols.fastim.texts import chat, failure, quotedInAnswer

FORM = b"application/x-www-form-urlencoded"
MULTIPART = b"multipart/form-data; boundary=edge"
KINDS = [b"", FORM, MULTIPART, b'multipart/form-data; boundary="e"', b"multipart/form-data; boundary=", b"text/plain"]


@cache
def steps() -> list[dict[str, Any]]:
    """
    The steps of every recorded case; none where they are not installed.
    """
    folder = files("imtw.test").joinpath("conformance", "fastim")
    if not folder.is_dir():
        return []
    found = sorted((file for file in folder.iterdir() if file.name.endswith(".json")), key=lambda file: file.name)
    return [step for file in found for step in json.loads(file.read_text(encoding="utf-8"))["steps"]]


def parameters(data: bytes) -> None:
    """
    L{parametersOf} and L{number}: parameters, not too many, or a refusal.
    """
    kind, _, rest = data.partition(b"\n")
    query, _, body = rest.partition(b"\n")
    try:
        found = parametersOf(query, kind, body)
    except BadParameter:
        return
    assert len(found) <= 2 * MOST
    for name, value in found.items():
        "".join([name, *value]).encode()
        try:
            assert -(1 << 63) <= number(found, name) < 1 << 63
        except BadParameter:
            pass


def parameterSeeds() -> list[bytes]:
    """
    Queries, forms and multipart bodies.
    """
    found = {
        b"\n".join([kind, urlencode(step.get("form", {})).encode(), _bodyOf(kind, step)])
        for step in steps()
        for kind in KINDS
        if "form" in step or "multipart" in step
    }
    return sorted(found)


def _bodyOf(kind: bytes, step: dict[str, Any]) -> bytes:
    """
    A body of that type.
    """
    fields = {**step.get("form", {}), **step.get("multipart", {})}
    if not kind.startswith(b"multipart"):
        return urlencode(fields).encode()
    parts = [f'--edge\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{fields[name]}\r\n' for name in fields]
    return "".join([*parts, "--edge--\r\n"]).encode()


def paths(data: bytes) -> None:
    """
    L{targetOf}: the names in a path, none of them empty or with a slash that
    was not there; or no target.
    """
    path = data.decode("latin-1")
    target = targetOf(path)
    if target is not None:
        assert isOurs(path) and not isMalformed(path)
        assert all(target) and not any("/" in name or name in (".", "..") for name in target)
        "".join(target).encode()


def pathSeeds() -> list[bytes]:
    """
    Paths of WebSockets.
    """
    found = {step["path"].encode() for step in steps() if "open" in step}
    return sorted(found | {b"/group/chat/%ff/1/x", b"/group/list/%2e%2e/x", b"/group/chat/a%2fb/c/d", b"/group/chat"})


def texts(data: bytes) -> None:
    """
    What is written: JSON, whatever is said, in which the same is found again.
    """
    text = data.decode("utf-8", "replace")
    message = chat(text, text[::-1], text, len(data))
    assert json.loads(message) == {"groupId": text, "userId": text[::-1], "info": text, "ts": len(data)}
    assert json.loads(quotedInAnswer(message)) == message
    assert json.loads(failure(404, text, len(data)))["path"] == text


def textSeeds() -> list[bytes]:
    """
    What is said.
    """
    found = {str(step["text"]).encode() for step in steps() if "send" in step and "text" in step}
    return sorted({*found, *(bytes([code]) for code in range(32)), "\u2028\u2029\x7f\x9f😀".encode()})
