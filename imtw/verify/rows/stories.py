"""
W: in a world where everything goes wrong, what was promised is kept.
"""

from __future__ import annotations

from collections.abc import Sequence

from imtw.verify.plan import Stage
from imtw.verify.report import Result, judged
from imtw.verify.world.telling import Broken, many

STRIDE = 1_000_000  # numbers of stories that belong to one seed
SHOWN = 3  # broken stories that are named


def areKept(stage: Stage) -> Sequence[Result]:
    """
    The row.
    """
    count = stage.plan.seeds or stage.size(40, 10_000)
    broken: list[Broken] = []
    with stage.progress("stories", count, "stories") as bar:
        for more, found in many(stage.plan.seed * STRIDE, count, stage.plan.sabotage):
            broken += found
            bar.update(more)
    note = "; ".join(f"{lines[0]} (imtw verify --story {number})" for number, lines in broken[:SHOWN])
    return [
        judged(
            "W",
            "every promise, in virtual time with faults",
            f"{count} stories",
            f"{len(broken)} in which one was broken",
            "0",
            not broken,
            note,
        )
    ]
