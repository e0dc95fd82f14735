"""
D7: whatever happens to connections, each message arrives exactly once.
"""

from __future__ import annotations

from collections.abc import Sequence

from imtw.verify import wire
from imtw.verify.audit import Audit
from imtw.verify.catchers import Catcher, Negligent
from imtw.verify.crowd import Address, Crowd
from imtw.verify.plan import Stage
from imtw.verify.proxy import FaultProxy
from imtw.verify.report import Result, judged
from imtw.verify.rows.kill import synced
from imtw.verify.speakers import Journal, Speaker

SPEAKERS, CATCHERS = 2, 3
EVERY = (20, 400)  # frames, both directions together, until a connection is cut
PATIENCE = 300.0  # seconds
SETTLED = 0.5
NEGLIGENT = "no-sync"  # as a sabotage: of the clients, not of the server


def isExactlyOnce(stage: Stage) -> Sequence[Result]:
    """
    The row.
    """
    with stage.tested() as (address, _):
        return [play(stage, address)]


def play(stage: Stage, address: Address) -> Result:
    """
    Speak and listen through a proxy that cuts.
    """
    where = wire.group(stage.name("group"))
    wanted = stage.size(1500, 10_000)
    journal = Journal(stage.file("journal"))
    names = [stage.name(f"speaker{number}") for number in range(SPEAKERS)]
    crew = [Speaker(name, [where], stage.chance(name), journal, 8) for name in names]
    kind = Negligent if stage.plan.sabotage == NEGLIGENT else Catcher
    catchers = [kind(stage.name(f"catcher{number}"), where) for number in range(CATCHERS)]
    everybody: list[Speaker | Catcher] = [*crew, *catchers]
    proxy = FaultProxy(address, stage.chance("proxy"), EVERY)
    with Crowd() as crowd, proxy, stage.progress("messages", wanted, "acks") as bar:

        def mend() -> None:
            before = journal.synced
            bar.update(synced(journal) - before)
            for one in everybody:
                if not one.isConnected:
                    one.connect(crowd, proxy.address)
            for speaker in crew:
                speaker.isQuiet = len(journal.acked) >= wanted

        def isSaid() -> bool:
            mend()
            return len(journal.acked) >= wanted and not any(speaker.outstanding for speaker in crew)

        def isCaughtUp() -> bool:
            mend()
            return all(catcher.isCaughtUp for catcher in catchers)

        def isNever() -> bool:
            mend()
            return False

        isDone = crowd.run(PATIENCE, isSaid)
        proxy.isCalm = True
        crowd.run(SETTLED, isNever)  # what was cut last shows, and is mended
        isDone = crowd.run(PATIENCE, isCaughtUp) and isDone
        crowd.run(SETTLED)
    journal.close()
    audit = Audit([where], names[0])
    audit.readAll(address)
    findings = audit.compare(journal.acked.values())
    acked = set(journal.acked)
    missing = sum(len(acked - set(catcher.got)) for catcher in catchers)
    disorder = sum(order != sorted(order) for catcher in catchers for order in orders(catcher, journal))
    twice = sum(count - 1 for catcher in catchers for count in catcher.got.values())
    return judged(
        "D7",
        "cut connections: each message exactly once",
        f"{len(acked)} messages, {CATCHERS} readers, {proxy.cuts} cuts",
        f"missing {missing}, stored twice {findings.repeated}, out of order {disorder + findings.inversions}",
        "0, 0, 0",
        isDone and not missing and not findings.repeated and not disorder and findings.isSound,
        f"repeats before they are dropped by id {twice}" + ("" if isDone else "; not done in time"),
    )


def orders(catcher: Catcher, journal: Journal) -> list[list[int]]:
    """
    The numbers of each speaker's messages, as a catcher read them.
    """
    found: dict[str, list[int]] = {}
    for id in catcher.order:
        said = journal.acked.get(id)
        if said is not None:
            found.setdefault(said.sender, []).append(said.number)
    return list(found.values())
