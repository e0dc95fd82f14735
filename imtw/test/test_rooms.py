"""
The order of the rooms: who may import whom.
"""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from itertools import pairwise
from unittest import TestCase

import imtw

#: From the ground up; what stands in one line is one room.
ORDER = [
    ["errors"],
    ["model"],
    ["commands"],
    ["limits", "counters", "fast"],
    ["events", "interfaces"],
    ["plugin", "registry"],
    ["faults", "reactor", "collector", "gather"],
    ["deadlines", "outlet", "told"],
    ["sessions", "accounts"],
    ["gates", "sweeps"],
    ["groups", "cursors", "presence", "numbers"],
    ["cork", "slots", "dispatch", "lanes"],
    ["filters", "policies", "trail"],
    ["telling", "delivery", "catchup"],
    ["members", "attendance", "relaying"],
    ["server"],
    ["handlers"],
    ["persistence"],
    ["relays"],
    ["protocols"],
    ["web", "admin"],
    ["options", "service", "tap"],
    ["cli", "verify"],
]
RANK = {room: rank for rank, rooms in enumerate(ORDER) for room in rooms}
#: What of a dialect's wing does no I/O.
CODECS = {
    "easyim": ["decoder", "jsontext", "message", "protobuf", "splitter"],
    "fastim": ["parameters", "paths", "texts"],
    "jim": ["answers", "bodies", "coerce", "frames", "lenient", "values"],
}
CODECS_MAY = {"errors", "protocols"}
IO = ("twisted", "autobahn", "socket", "zope")


def modules() -> Iterator[tuple[str, str]]:
    """
    (dotted name, file) of every module but the tests.
    """
    root = os.path.dirname(imtw.__file__)
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if name not in ("test", "__pycache__")]
        for file in files:
            if file.endswith(".py"):
                path = os.path.join(folder, file)
                dotted = os.path.relpath(path, root)[:-3].replace(os.sep, ".")
                yield dotted.removesuffix(".__init__"), path


def importsOf(path: str) -> set[str]:
    """
    The modules that a file imports when it is run, not only for its types.
    """
    with open(path, encoding="utf-8") as stream:
        tree = ast.parse(stream.read())
    found: set[str] = set()
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
        else:
            waiting.extend(ast.iter_child_nodes(node))
    return found


def roomOf(dotted: str) -> str:
    """
    The room of a module of imtw, by its name below the package.
    """
    return dotted.split(".")[0]


class RoomTests(TestCase):
    """
    L{ORDER} is kept.
    """

    def test_importsGoDown(self) -> None:
        """
        A room imports only rooms below it, and itself.
        """
        for dotted, path in modules():
            room = roomOf(dotted)
            if room == "imtw" or not room or dotted == "__init__":
                continue
            for imported in importsOf(path):
                if not imported.startswith("imtw.") or imported.startswith("imtw.test"):
                    continue
                other = roomOf(imported.removeprefix("imtw."))
                self.assertLessEqual(RANK[other], RANK[room], f"imtw.{dotted} imports {imported}")

    def test_everyRoomHasAPlace(self) -> None:
        """
        No module stands outside the order.
        """
        rooms = {roomOf(dotted) for dotted, _ in modules()} - {"__init__", ""}
        self.assertEqual(rooms - set(RANK), set())

    def test_familiesHaveHandlers(self) -> None:
        """
        A family of commands is answered by the handlers' module of its name,
        so that one can be found from the other, and both go together.
        """
        families = {
            room: {dotted.split(".")[1] for dotted, _ in modules() if dotted.startswith(f"{room}.")}
            for room in ("commands", "handlers")
        }
        self.assertEqual(families["commands"] - {"declaration"}, families["handlers"])

    def test_codecsDoNoIO(self) -> None:
        """
        A dialect's codec knows neither Twisted nor any other part of imtw but
        its errors.
        """
        seen = set()
        for dotted, path in modules():
            parts = dotted.split(".")
            if parts[0] == "protocols" and len(parts) > 2 and parts[-1] in CODECS.get(parts[1], ()):
                seen.add((parts[1], parts[-1]))
                for imported in importsOf(path):
                    self.assertFalse(imported.startswith(IO), f"{dotted} imports {imported}")
                    if imported.startswith("imtw."):
                        self.assertIn(roomOf(imported.removeprefix("imtw.")), CODECS_MAY, dotted)
        self.assertEqual(seen, {(wing, codec) for wing, codecs in CODECS.items() for codec in codecs})

    def test_onlyOneFolderKnowsAutobahn(self) -> None:
        """
        Autobahn is imported in one place.
        """
        users = {dotted for dotted, path in modules() if any(name.startswith("autobahn") for name in importsOf(path))}
        self.assertEqual(users, {f"protocols.websocket.{name}" for name in ("carrier", "factory", "lean")})

    def test_coreKnowsNoDialect(self) -> None:
        """
        Outside its own wing no module names a dialect's.
        """
        for dotted, path in modules():
            for wing in CODECS:
                if not dotted.startswith(f"protocols.{wing}."):
                    named = {name for name in importsOf(path) if name.startswith(f"imtw.protocols.{wing}")}
                    self.assertEqual(named, set(), dotted)

    def test_detector(self) -> None:
        """
        Upward imports are seen: read from a file that has one.
        """
        for lower, higher in pairwise(ORDER):
            self.assertLess(RANK[lower[0]], RANK[higher[0]])
        with open("upward.py", "w", encoding="utf-8") as stream:
            stream.write("def late():\n    from imtw.tap import Options\n")
        self.assertIn("imtw.tap", importsOf("upward.py"))
