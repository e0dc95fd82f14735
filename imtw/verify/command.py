"""
Runs the rows, and shows what came of them.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
import traceback
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import active_children, get_context
from time import monotonic
from types import FrameType

from imtw.verify.catalogue import ROWS, Row
from imtw.verify.plan import Plan, Stage
from imtw.verify.report import Result, Verdict, judged, skipped, summary, table, writeJSON

REQUIRE = "IMTW_REQUIRE_ALL"  # where this is set, a row that cannot be tried has failed


def chosen(only: str) -> list[Row]:
    """
    The rows that are asked for.

    @param only: ids with commas between, or empty for all.
    @raise ValueError: there is no such row.
    """
    known = {id for row in ROWS for id in row.ids}
    wanted = {word.strip().upper() for word in only.split(",") if word.strip()} or known
    if wanted - known:
        raise ValueError(f"no row {', '.join(sorted(wanted - known))}; there are {', '.join(sorted(known))}")
    return [row for row in ROWS if wanted & set(row.ids)]


def obstacle(row: Row, plan: Plan) -> str:
    """
    Why a row cannot be tried, or nothing.
    """
    if plan.target is not None and not row.isBlackBox:
        return "needs a server of our own (no --target)"
    return "; ".join(filter(None, (need() for need in row.needs)))


def results(row: Row, plan: Plan) -> Sequence[Result]:
    """
    Try one row.
    """
    why = obstacle(row, plan)
    if why:
        verdict = Verdict.FAIL if os.environ.get(REQUIRE) and plan.target is None else Verdict.SKIP
        return [replaced(skipped(id, row.guarantee, why), verdict) for id in row.ids]
    folder = tempfile.mkdtemp(prefix="imtw-verify-")
    try:
        return row.run()(Stage(plan, row.ids[0], folder))
    except Exception as error:
        trace = "".join(traceback.format_tb(error.__traceback__)[-2:])
        note = f"{type(error).__name__}: {error} {' '.join(trace.split())}"
        return [judged(id, row.guarantee, "-", "the test itself failed", "-", False, note) for id in row.ids]
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def replaced(result: Result, verdict: Verdict) -> Result:
    """
    A result with another verdict.
    """
    result.verdict = verdict
    return result


def verify(rows: Sequence[Row], plan: Plan) -> list[Result]:
    """
    Try rows, and say so as they end.
    """
    found: list[Result] = []
    for some in inTurn(rows, plan):
        found += some
        for result in some:
            tell(result)
    return found


def inTurn(rows: Sequence[Row], plan: Plan) -> Iterator[Sequence[Result]]:
    """
    Try one row after the other; in a quick run those that measure no time
    first, side by side.
    """
    crowd = [row for row in rows if not row.isTimed] if plan.quick and plan.target is None else []
    if len(crowd) > 1:
        yield from sideBySide(crowd, plan)
        rows = [row for row in rows if row.isTimed]
    for row in rows:
        yield signed(row, plan)


def sideBySide(rows: Sequence[Row], plan: Plan) -> Iterator[Sequence[Result]]:
    """
    Try as many rows at a time as there are processors, each in a process.
    """
    with ProcessPoolExecutor(os.cpu_count(), get_context("spawn"), quietly) as pool:
        try:
            yield from pool.map(signed, rows, [plan] * len(rows))
        except BaseException:  # we are to end: so are they, and their servers
            pool.shutdown(wait=False, cancel_futures=True)
            for process in active_children():
                process.terminate()
            raise


def signed(row: Row, plan: Plan) -> Sequence[Result]:
    """
    Try one row, and note how it was tried and how long that took.
    """
    began = monotonic()
    found = results(row, plan)
    for result in found:
        result.seed = plan.seed
        result.seconds = round(monotonic() - began, 1)
    return found


def quietly() -> None:
    """
    In a process for some of the rows: their bars would be drawn over each
    other.
    """
    signal.signal(signal.SIGTERM, interrupted)
    sys.stderr = open(os.devnull, "w")


def tell(result: Result) -> None:
    """
    One row is done.
    """
    print(f"{result.verdict.value:<5} {result.id:<4} {result.guarantee}: {result.figure} ({result.seconds:g} s)",
          file=sys.stderr, flush=True)  # fmt: skip


def run(plan: Plan, only: str = "", file: str = "") -> int:
    """
    Do all that is asked for.

    @param only: ids of rows, or empty for all.
    @param file: where the results go as JSON, too; or empty.
    @return: the exit status.
    """
    rows = chosen(only)
    signal.signal(signal.SIGTERM, interrupted)  # so that our servers end with us
    began = monotonic()
    print(f"seed {plan.seed}: the same seed does the same again", file=sys.stderr, flush=True)
    found = verify(rows, plan)
    print(table(found))
    print(f"\n{summary(found)} in {monotonic() - began:.0f} s; seed {plan.seed}", flush=True)
    if file:
        with open(file, "w", encoding="utf-8") as stream:
            writeJSON(stream, found, {"seed": plan.seed, "quick": plan.quick, "target": plan.target})
    return 1 if any(one.verdict is Verdict.FAIL for one in found) else 0


def listRows() -> int:
    """
    Say which rows there are, and which of them cannot be tried here.
    """
    for row in ROWS:
        why = obstacle(row, Plan(0))
        where = "any server" if row.isBlackBox else "our own servers"
        print(f"{', '.join(row.ids):<12}{row.guarantee} ({where}{'; ' + why if why else ''})")
    return 0


def interrupted(number: int, frame: FrameType | None) -> None:
    """
    Somebody wants us to end.
    """
    raise KeyboardInterrupt
