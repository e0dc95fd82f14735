"""
Pages of a long log.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from bench.dialects import TCP
from bench.loads import Load
from bench.servers import Imtw
from bench.shapes import Numbers
from bench.stage import Amount, Stage
from bench.stock import Stock

PAGE = 50  # messages, as the dialect asks for them


@dataclass(frozen=True)
class Pages:
    """
    A page from anywhere in a group's history.
    """

    server: Imtw
    messages: Amount

    def __call__(self, stage: Stage) -> Numbers:
        """
        Measure once.
        """
        messages = stage.count(self.messages)
        load = Load("ask", (TCP,), "history", 8, places=messages - PAGE)
        with replace(self.server, stock=Stock(messages=messages), isRead=True).run(stage) as server:
            return load.run(stage, server)
