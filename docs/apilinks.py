"""
Lets pydoctor link from imtw's API pages to other people's.

pydoctor wants to download an inventory from each project's site, and warns
of every name it then does not know.  The docs have to build where there is
no such site, so a name is looked up in what is installed instead.  One that
does not exist is still a warning.

Named in C{pyproject.toml} as pydoctor's C{system-class}.
"""

from __future__ import annotations

import builtins
import inspect
import sys
from importlib import import_module

from pydoctor import model
from pydoctor.sphinx import SphinxInventory
from zope.interface.interface import InterfaceClass

PYTHON = "https://docs.python.org/3/library/"
TWISTED = "https://docs.twisted.org/en/stable/api/"
FRONT_PAGES = {
    "argon2": "https://argon2-cffi.readthedocs.io/",
    "autobahn": "https://autobahn.readthedocs.io/",
    "cryptography": "https://cryptography.io/",
    "msgspec": "https://jcristharif.com/msgspec/",
    "OpenSSL": "https://www.pyopenssl.org/",
    "prometheus_client": "https://prometheus.github.io/client_python/",
    "txredisapi": "https://github.com/IlyaSkriblovsky/txredisapi",
    "zope": "https://zopeinterface.readthedocs.io/",
}
CONSTANTS = {"None", "True", "False", "NotImplemented", "Ellipsis"}
TYPES = {"bytes", "bytearray", "dict", "frozenset", "list", "memoryview", "range", "set", "str", "tuple"}


class Installed(SphinxInventory):
    """
    An inventory of everything that can be imported.
    """

    def getLink(self, name: str) -> str | None:
        """
        @param name: a name as pydoctor has resolved it, with all its dots.
        @return: a URL, or L{None} if there is no such thing.
        """
        root, dot, _ = name.partition(".")
        if not dot:
            return builtin(name) if hasattr(builtins, name) else None
        if root not in FRONT_PAGES and root != "twisted" and root not in sys.stdlib_module_names:
            return None
        found = find(name)
        if found is None:
            return None
        module, thing = found
        if root in FRONT_PAGES:
            return FRONT_PAGES[root]
        if root != "twisted":
            return f"{PYTHON}{module}.html#{name}"
        if inspect.ismodule(thing) or inspect.isclass(thing) or isinstance(thing, InterfaceClass):
            return f"{TWISTED}{name}.html"
        parent, _, last = name.rpartition(".")
        return f"{TWISTED}{parent}.html#{last}"


def builtin(name: str) -> str:
    """
    The page of a builtin; the manual spreads them over four.
    """
    thing = getattr(builtins, name)
    if inspect.isclass(thing) and issubclass(thing, BaseException):
        page = "exceptions"
    elif name in CONSTANTS:
        page = "constants"
    else:
        page = "stdtypes" if name in TYPES else "functions"
    return f"{PYTHON}{page}.html#{name}"


def find(name: str) -> tuple[str, object] | None:
    """
    The module that C{name} is in, and what it stands for.
    """
    parts = name.split(".")
    for end in range(len(parts), 0, -1):
        module = ".".join(parts[:end])
        try:
            thing: object = import_module(module)
        except ImportError:
            continue
        for part in parts[end:]:
            # An interface keeps its methods to itself.
            thing = thing.get(part) if isinstance(thing, InterfaceClass) else getattr(thing, part, None)
            if thing is None:
                return None
        return module, thing
    return None


class System(model.System):
    """
    pydoctor's own system, with the inventory above.
    """

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.intersphinx = Installed(logger=self.msg)

    def msg(self, section: str, *args: object, **kwargs: object) -> None:
        """
        Say nothing of a constant that cannot be coloured: pydoctor reads
        regular expressions as of Python 3.6, without possessive quantifiers.
        """
        if section != "colorize constant":
            super().msg(section, *args, **kwargs)
