"""
C{imtw import}: what another system's server has kept.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from twisted.python import usage

from imtw.cli.database import Database
from imtw.cli.options import Command, Failed, shown
from imtw.cli.progress import progress
from imtw.errors import PluginLookupError
from imtw.interfaces import IImporterMaker, IStore
from imtw.limits import Limits
from imtw.plugin import findMaker, findMakers

ENDING = "-database"  # of the plugins' names, so that one can be called like its dialect
OUTCOMES = ("brought over", "there already", "skipped")


class Import(Command):
    """
    C{imtw import}.
    """

    longdesc = (
        "Bring over what the server of another system has kept. Its file is only read. Again brings over what is new "
        "and changes nothing else. Says at the end what was skipped, and why. The imtw server must not be running."
    )
    arguments = "SYSTEM --from FILE"
    example = "imtw import easyim --from sqlite3.db"
    optParameters = [["from", None, None, "The file of the other server."]]

    def parseArgs(self, system: str) -> None:  # type: ignore[override]
        """
        Of which system.
        """
        if not self["from"]:
            raise usage.UsageError("--from is missing")
        there = [maker.name.removesuffix(ENDING) for maker in findMakers(IImporterMaker)]
        if system not in there:
            raise usage.UsageError(f"{system!r} is none of {', '.join(there) or 'nothing'}")
        self.system = system

    def run(self) -> int:
        """
        Bring it over.
        """
        store = Database(self.storeSpec())
        if store.holder():
            raise Failed(f"{store} is in use by process {store.holder()}: stop that one and run this again")
        try:
            importer = findMaker(IImporterMaker, self.system + ENDING).make(self["from"])
        except PluginLookupError as error:
            raise Failed(str(error)) from error
        counts: Counter[tuple[str, str]] = Counter()
        reasons: list[str] = []
        with progress("importing", importer.total, "rows") as bar:

            def report(kind: str, outcome: str, why: str) -> None:
                counts[kind, outcome] += 1
                if why:
                    reasons.append(f"{kind}: {why}")
                bar.update(1)

            async def bring(kept: IStore) -> None:
                await importer.run(kept, Limits(), report)

            store.alone(bring)
        self._tell(counts, reasons)
        return 0

    def _tell(self, counts: Counter[tuple[str, str]], reasons: list[str]) -> None:
        """
        What came of it.
        """
        for kind in dict.fromkeys(kind for kind, _ in counts):
            told: list[Any] = [f"{counts[kind, outcome]} {outcome}" for outcome in OUTCOMES]
            print(f"{kind}: {', '.join(told)}")
        if reasons:
            print("skipped:")
        for why in reasons:
            print(f"  {shown(why)}")
