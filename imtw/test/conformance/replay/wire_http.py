"""
HTTP: one request with its answer, or the answers that follow each other on one connection.
"""

from __future__ import annotations

import asyncio
import json
import re
import urllib.parse

from .wire import Event, Step, Wire, shown

PATIENCE = 20.0  # seconds for an answer
BLANK_LINE = re.compile(rb"\r?\n\r?\n")

EDGE = "replay-edge"  # between the parts of a multipart body

Answer = tuple[int, dict[str, str], bytes]


async def request(host: str, port: int, step: Step, exact: bool = False) -> Event:
    """
    Send the request of an C{http} step on a connection of its own; the event
    that answers it.
    """
    kind, body = requestBody(step)
    fields = {"Host": f"{host}:{port}", "Connection": "close", **step.get("headers", {})}
    if kind:
        fields.setdefault("Content-Type", kind)
    if body or step["http"] == "POST":
        fields["Content-Length"] = str(len(body))
    lines = [f"{step['http']} {step['path']} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
    try:
        reader, writer = await asyncio.open_connection(host, port)
    except ConnectionError:
        return {"refused": True}
    try:
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        answer = await asyncio.wait_for(readAnswer(reader), PATIENCE)
    except TimeoutError:
        return {"timeout": True}
    except ConnectionError:
        answer = None
    finally:
        writer.close()
    return event(answer, step, exact) if answer else {"closed": True}


def requestBody(step: Step) -> tuple[str, bytes]:
    """
    Content type, where the step implies one, and bytes of the request's body.
    """
    if "json" in step:
        return "application/json", json.dumps(step["json"], ensure_ascii=False).encode()
    if "form" in step:
        return "application/x-www-form-urlencoded", urllib.parse.urlencode(step["form"]).encode()
    if "hex" in step:
        return "", bytes.fromhex(step["hex"])
    if "multipart" in step:
        parts = [
            f'--{EDGE}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
            for name, value in step["multipart"].items()
        ]
        return f"multipart/form-data; boundary={EDGE}", "".join([*parts, f"--{EDGE}--\r\n"]).encode()
    return "", str(step.get("text", "")).encode()


def event(answer: Answer, step: Step, exact: bool = False) -> Event:
    """
    An answer as C{{"status", "type"}}, with the headers that the step wants
    to see, and the body unless it does not want it.
    """
    status, fields, body = answer
    found: Event = {"status": status, "type": fields.get("content-type", "").split(";")[0]}
    if "show" in step:
        found["headers"] = {name: fields.get(name) for name in step["show"]}
    if step.get("body") is False:
        return found
    return {**found, **shown(body, exact)}


async def readAnswer(reader: asyncio.StreamReader) -> Answer | None:
    """
    Status, headers and body of the answer; L{None} where the server hung up.
    """
    data = b""
    while not (blank := BLANK_LINE.search(data)):
        more = await reader.read(65536)
        if not more:
            return None
        data += more
    status, fields = parseHead(data[: blank.start()])
    body = data[blank.end() :]
    while not isComplete(status, fields, body):
        more = await reader.read(65536)
        if not more:
            break
        body += more
    return status, fields, unchunked(body) if isChunked(fields) else body


def parseHead(head: bytes) -> tuple[int, dict[str, str]]:
    """
    Status and headers, the names in lower case.
    """
    first, *lines = head.decode("latin-1").splitlines()
    pairs = (line.partition(":") for line in lines)
    return int(first.split()[1]), {name.strip().lower(): value.strip() for name, _, value in pairs}


def isComplete(status: int, fields: dict[str, str], body: bytes) -> bool:
    """
    Is this the whole body?  One without a length goes on until the server
    hangs up.
    """
    if status in (204, 304):
        return True
    if isChunked(fields):
        return body.endswith(b"0\r\n\r\n")
    return 0 <= int(fields.get("content-length", -1)) <= len(body)


def isChunked(fields: dict[str, str]) -> bool:
    """
    Does the body come in chunks?
    """
    return fields.get("transfer-encoding", "").lower() == "chunked"


def unchunked(body: bytes) -> bytes:
    """
    A body without the marks of its chunks.
    """
    out = b""
    while body:
        line, _, body = body.partition(b"\r\n")
        size = int(line or b"0", 16)
        if not size:
            break
        out, body = out + body[:size], body[size + 2 :]
    return out


class Answers(Wire):
    """
    HTTP over a connection that the case itself writes to: keep-alive,
    pipelining, bad requests.
    """

    def stream(self, data: bytes) -> tuple[list[Event], bytes]:
        """
        See L{Wire.stream}.
        """
        events = []
        while blank := BLANK_LINE.search(data):
            status, fields = parseHead(data[: blank.start()])
            end = blank.end() + int(fields.get("content-length", 0))
            if len(data) < end:
                break
            events.append(event((status, fields, data[blank.end() : end]), {}))
            data = data[end:]
        return events, data
