"""
easyim's clients have to be known before they come.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from http.client import HTTPConnection

from bench.loads import Load
from bench.servers import Baseline, Imtw
from bench.shapes import Numbers, Unsound
from bench.stage import Stage

PATIENCE = 30.0  # seconds


@dataclass(frozen=True)
class Acquainted:
    """
    A load of clients who registered first.  The baseline knows numbers, and
    believes them.
    """

    server: Imtw | Baseline
    load: Load

    def __call__(self, stage: Stage) -> Numbers:
        """
        Measure once.
        """
        count = stage.count(self.load.clients)
        with self.server.run(stage) as server:
            if isinstance(self.server, Imtw):
                people = [register(server.port, f"client{number}") for number in range(count)]
            else:
                people = [(str(number), "") for number in range(count)]
            variables = stage.write("variables", "".join(lines(people)))
            return replace(self.load, options=("--vars", variables)).run(stage, server)


def lines(people: list[tuple[str, str]]) -> Iterator[str]:
    """
    Of each client its number, its partner's, and its token.
    """
    for at, (number, token) in enumerate(people):
        yield f"{number}\t{people[at ^ 1][0]}\t{token}\n"


def register(port: int, name: str) -> tuple[str, str]:
    """
    Make an account.

    @return: its number and a token.
    @raise Unsound: the server does not want that.
    """
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    body = json.dumps({"account": name, "password": "imtw bench", "nickname": name})
    connection.request("POST", "/api/user/register", body)
    answer = json.loads(connection.getresponse().read())
    connection.close()
    if answer["code"] != 200:
        raise Unsound(f"{name} is not registered: {answer['msg']}")
    return answer["data"]["id"], answer["data"]["access_token"]
