"""
Tests of the tests: each is tried on a server that is broken on purpose, and
has to notice.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from imtw.verify.catalogue import ROWS, Row
from imtw.verify.command import chosen, obstacle, results
from imtw.verify.plan import Plan
from imtw.verify.report import Verdict

UNBOUNDED = 10**9
RARE = 150  # stories of which one in fifteen shows what is wrong


class Control(NamedTuple):
    """
    One broken server.

    @ivar ids: the rows that have to fail on it.
    @ivar sabotage: what is wrong with it, by the names of
        L{imtw.verify.sabotage}.
    @ivar options: or what it is told.
    @ivar seeds: how many stories row W tells of it, where few show what is
        wrong; 0 for as many as it does.
    """

    ids: tuple[str, ...]
    what: str
    sabotage: str = ""
    options: tuple[str, ...] = ()
    seeds: int = 0

    @property
    def row(self) -> Row:
        """
        The test.
        """
        return next(row for row in ROWS if self.ids[0] in row.ids)


def limits(**values: float) -> tuple[str, ...]:
    """
    Options that set bounds.
    """
    return tuple(f"--limit={name}={value}" for name, value in values.items())


CONTROLS = [
    Control(("W",), "acknowledges before the commit", "early-ack"),
    Control(("W",), "reads the log from a row too far on", "skipping"),
    Control(("W",), "takes no notice of ids", "forgetful"),
    Control(("W",), "acknowledges what could not be stored", "brazen"),
    Control(("W",), "lets everybody speak everywhere", "unguarded", seeds=RARE),
    Control(("W",), "goes on telling those who have left", "clinging", seeds=RARE),
    Control(("W",), "takes what is pushed for read, whatever waits before it", "hasty", seeds=RARE),
    Control(("W",), "counts one unread message too few", "miscounting"),
    Control(("W",), "keeps whatever there is for who does not read", "gorging", seeds=RARE),
    Control(("W",), "reads nothing for who had fallen behind and reads again", "sulking", seeds=RARE),
    Control(("W",), "reads senders on, whatever waits for a commit", "hoarding", seeds=RARE),
    Control(("W",), "reads requests that it cannot handle yet", "greedy", seeds=RARE),
    Control(("W",), "turns and turns and does nothing", "restless"),
    Control(("W",), "takes a WebSocket's first fragment for all of it", "choppy"),
    Control(("W",), "says of easyim's messages that they were read", "flattering"),
    Control(("W",), "leaves people on what they have no right to any more", "indulgent"),
    Control(("W",), "lets in whoever shows what counts no more", "credulous", seeds=200),  # one in thirty shows it
    Control(("W",), "makes one of two a friend, and not both", "onesided", seeds=200),
    Control(("W",), "tells easyim's clients of no invitation that waits", "secretive", seeds=600),
    Control(("W",), "tells nobody who has come", "gloomy", seeds=400),
    Control(("W",), "gives easyim's clients nothing of what waits", "reticent"),
    Control(("D1",), "acknowledges before the commit", "early-ack,tardy"),
    Control(("D2", "D3"), "commits without a sync (synchronous=NORMAL)", "unsynced"),
    Control(("D3",), "acknowledges before the commit", "early-ack"),
    Control(("D5",), "acknowledges what could not be stored", "brazen"),
    Control(("D6",), "looks at no checksum", "unchecked"),
    Control(("D7",), "has clients that do not catch up", "no-sync"),
    Control(("D8",), "takes no notice of ids", "forgetful"),
    Control(("D9",), "acknowledges early and ends at once", "early-ack,tardy,die-at-once"),
    Control(("D10",), "upgrades piece by piece", "piecemeal"),
    Control(("O1",), "queues without a bound", "", limits(sendBudget=UNBOUNDED)),
    Control(("O2",), "waits for who does not read before it closes", "polite-close"),
    Control(("O3",), "reads whatever comes", "", limits(unparsed=UNBOUNDED)),
    Control(("O4", "O5"), "has no deadlines", "", limits(firstByte=900, head=900, httpRequest=900, login=900)),
    Control(
        ("O6",),
        "believes lengths",
        "",
        limits(bodyBeforeLogin=2**31 - 1, body=2**31 - 1, webSocketBody=UNBOUNDED, httpBody=UNBOUNDED),
    ),
    Control(("O7",), "reads JSON without a bound", "believing"),
    Control(("O8",), "unpacks without a bound", "inflating"),
    Control(("O14",), "remembers every session", "leaking"),
    Control(("O15",), "does slow things on the reactor's thread", "stalling"),
    Control(("O18",), "does the less the more waits", "congested"),
    Control(("O18",), "lets tokens wait behind passwords", "queueing"),
    Control(("O19",), "remembers no password", "amnesia"),
    Control(("O20",), "serves whoever came first", "unfair"),
]


def tried(control: Control, plan: Plan) -> Iterator[tuple[str, Verdict, str]]:
    """
    Try a test on a broken server.

    @return: of each row that has to notice: its id, C{PASS} if it did, what
        it said.
    """
    row = control.row
    why = obstacle(row, plan)
    if why:
        yield from ((id, Verdict.SKIP, why) for id in control.ids)
        return
    broken = replace(
        plan, quick=True, target=None, sabotage=control.sabotage, options=control.options, seeds=control.seeds
    )
    found = {result.id: result for result in results(row, broken)}
    for id in control.ids:
        result = found[id]
        noticed = result.verdict is Verdict.FAIL and result.runs != "-"
        said = f"{result.figure} (wanted {result.target})" + ("" if noticed else f"; {result.note}")
        yield id, Verdict.PASS if noticed else Verdict.FAIL, said


def run(plan: Plan, only: str = "") -> int:
    """
    Try all of them.

    @return: the exit status: 1 if a test did not notice.
    """
    wanted = {id for row in chosen(only) for id in row.ids}
    missed = 0
    for control in CONTROLS:
        if not wanted & set(control.ids):
            continue
        for id, verdict, said in tried(control, plan):
            word = {Verdict.PASS: "found", Verdict.FAIL: "MISSED", Verdict.SKIP: "skip"}[verdict]
            print(f"{word:<7}{id:<5}a server that {control.what}: {said}")
            sys.stdout.flush()
            missed += verdict is Verdict.FAIL
    return 1 if missed else 0
