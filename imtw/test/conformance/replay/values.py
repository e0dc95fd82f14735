"""
Values that differ in every play: L{Values} puts them into what is sent, L{Normal} takes them out of what arrived.
"""

from __future__ import annotations

import base64
import hashlib
import json
import random
import re
import time
from typing import Any

LETTERS = "ghjkmnpqrstuvwxyz"  # none of them a hexadecimal digit
NEAR = 9e8  # ms around now in which a number is taken for a time
LONGEST = 4000  # characters of a text that are shown
REPEAT = re.compile(r"\$\{REPEAT:(.+?)\*(\d+)\}", re.S)
NAMED = re.compile(r"\$\{([A-Z]+)(?::(\w+))?([+-]\d+)?\}")
DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
TOKEN = r"eyJ[\w-]+\.[\w-]+\.[\w-]+"  # a JWT
VOLATILE = re.compile(
    r"\b[0-9a-f]{32}\b|\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|\b\d{16,24}\b|" + TOKEN
)


def now() -> int:
    """
    The time, in ms.
    """
    return int(time.time() * 1000)


class Values:
    """
    What C{${...}} stands for in one play of a case.
    """

    def __init__(self) -> None:
        self.run = "r" + "".join(random.choices(LETTERS, k=7))
        self.captured: dict[str, Any] = {}

    def fill(self, value: Any, number: int = 0) -> Any:
        """
        C{value} with everything put in.

        @param number: how often this step was sent before.
        """
        if isinstance(value, dict):
            return {self.fill(key, number): self.fill(one, number) for key, one in value.items()}
        if isinstance(value, list):
            return [self.fill(one, number) for one in value]
        if not isinstance(value, str):
            return value
        value = REPEAT.sub(lambda m: m[1] * int(m[2]), value)
        if whole := NAMED.fullmatch(value):
            return self.named(whole, number)
        return NAMED.sub(lambda m: str(self.named(m, number)), value)

    def named(self, match: re.Match[str], number: int) -> Any:
        """
        What one of them stands for.
        """
        kind, name, add = match[1], match[2], int(match[3] or 0)
        if kind == "NOW":
            return now() + add
        if kind == "RUN":
            return self.run
        if kind == "N":
            return str(number)
        if kind == "T":
            value = self.captured.get(name, "missing")
            return int(value) + add if add and str(value).isdigit() else value
        return match[0]

    def capture(self, events: dict[str, Any], paths: dict[str, str]) -> None:
        """
        Keep the values at these paths of a step's events; a text on the way
        is read as JSON.
        """
        for name, path in paths.items():
            value: Any = events
            try:
                for part in path.strip("/").split("/"):
                    value = json.loads(value) if isinstance(value, str) else value
                    value = value[int(part)] if isinstance(value, list) else value[part]
            except (LookupError, TypeError, ValueError):
                value = "missing"  # the comparison of this step says what came instead
            self.captured[name] = value


class Normal:
    """
    Replaces volatile values by stable names, ids in order of first sight.
    """

    def __init__(self, values: Values, exact: bool, host: str, port: int, second: int) -> None:
        self.values = values
        self.exact = exact
        self.names: dict[str, str] = {}
        self.address = re.compile(rf"\b{re.escape(host)}:{port}\b")
        self.second = re.compile(rf"\b{re.escape(host)}:{second}\b")
        self.own = re.compile(rf"[\w.-]+:{port}")

    def __call__(self, value: Any) -> Any:
        """
        What is to be compared.
        """
        if isinstance(value, dict):
            return {self.text(key): self(one) for key, one in value.items()}
        if isinstance(value, list):
            return [self(one) for one in value]
        if isinstance(value, int) and not isinstance(value, bool):
            return "<now>" if abs(value - now()) < NEAR else value
        if not isinstance(value, str):
            return value
        if self.exact:
            return self.brief(self.text(re.sub(r"(?<!\d)\d{13}(?!\d)", lambda m: self.time(m[0]), value)))
        if self.own.fullmatch(value):
            return "<server>"
        if re.fullmatch(r"\d{13}", value):
            return self.time(value)
        if DATE.fullmatch(value):
            return "<date>"
        if value[:1] in ("{", "[") and len(value) > 1:
            try:
                return {"<json>": self(json.loads(value))}
            except ValueError:
                pass
        return self.brief(self.text(value))

    def time(self, digits: str) -> str:
        """
        A time in ms as a text.
        """
        return "<now>" if abs(int(digits) - now()) < NEAR else digits

    def text(self, value: str) -> str:
        """
        A text without what is volatile in it.
        """
        value = self.second.sub("<second>", self.address.sub("<server>", value))
        return VOLATILE.sub(lambda m: self.name(m[0]), value).replace(self.values.run, "${RUN}")

    def brief(self, value: str) -> str:
        """
        A text, or what says which one it is.
        """
        if len(value) <= LONGEST:
            return value
        return f"<{len(value)} characters, sha1 {hashlib.sha1(value.encode()).hexdigest()}>"

    def name(self, text: str) -> str:
        """
        The name of an id.  Two tokens of one second are equal, so they are
        named by what is in them.
        """
        if text.startswith("eyJ"):
            try:
                part = text.split(".")[1]
                claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
                return f"<jwt {claims['grant_type']} {claims['account']}>"
            except (ValueError, KeyError, TypeError):
                return "<jwt>"
        return self.names.setdefault(text, f"<id{len(self.names) + 1}>")
