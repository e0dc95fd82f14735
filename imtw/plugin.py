"""
How plugins are declared and found.

A declaration is one line in a module C{twisted/plugins/<distribution>_x.py};
it names the class and loads nothing until the class is used::

    from imtw.plugin import HandlerMaker
    poll = HandlerMaker("poll", "acme.poll.PollHandler", "ask a group something")

imtw's own parts come by the same door.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from importlib.util import find_spec
from typing import Any

from twisted.plugin import IPlugin, getPlugins
from twisted.python.reflect import namedAny
from zope.interface import Interface, implementer

import twisted.plugins
from imtw.errors import PluginLookupError
from imtw.interfaces import (
    ICheckerMaker,
    IDialectMaker,
    IFilterMaker,
    IHandlerMaker,
    IImporterMaker,
    IMaker,
    IPolicyMaker,
    IRelayMaker,
    IStoreMaker,
)


@implementer(IPlugin)
class Maker:
    """
    A declaration: a name, a class and a line of help.
    """

    def __init__(self, name: str, dottedName: str, help: str = "") -> None:
        self.name = name
        self.dottedName = dottedName
        self.help = help

    def make(self, *args: Any) -> Any:
        """
        Load the class and make one.
        """
        try:
            made = namedAny(self.dottedName)
        except Exception as error:
            raise PluginLookupError(f"plugin {self.name!r}: {self.dottedName} cannot be loaded: {error}") from error
        try:
            return made(*args)
        except TypeError as error:
            raise PluginLookupError(f"plugin {self.name!r}: {self.dottedName} cannot be made: {error}") from error

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}, {self.dottedName!r})"


@implementer(IHandlerMaker)
class HandlerMaker(Maker):
    """
    Declares an answer to one command.
    """


@implementer(IFilterMaker)
class FilterMaker(Maker):
    """
    Declares a chat filter.
    """


@implementer(IPolicyMaker)
class PolicyMaker(Maker):
    """
    Declares a join policy.
    """


@implementer(ICheckerMaker)
class CheckerMaker(Maker):
    """
    Declares a login checker.
    """


@implementer(IStoreMaker)
class StoreMaker(Maker):
    """
    Declares a store.
    """


@implementer(IRelayMaker)
class RelayMaker(Maker):
    """
    Declares a relay.
    """


@implementer(IDialectMaker)
class DialectMaker(Maker):
    """
    Declares a dialect, the options it takes, the kinds of ports of its own
    that it has besides the one where it all is spoken, and the modules of
    other distributions that it cannot do without.
    """

    def __init__(
        self,
        name: str,
        dottedName: str,
        help: str = "",
        options: dict[str, str] | None = None,
        kinds: dict[str, str] | None = None,
        needs: Sequence[str] = (),
    ) -> None:
        super().__init__(name, dottedName, help)
        self.options = options or {}
        self.kinds = kinds or {}
        self.needs = needs

    def missing(self) -> list[str]:
        """
        What it cannot do without and is not installed.
        """
        return [name for name in self.needs if find_spec(name) is None]


@implementer(IImporterMaker)
class ImporterMaker(Maker):
    """
    Declares what brings another system's data over.
    """


#: What kinds there are, by the word that C{--help-plugins} has for them.
KINDS: dict[str, type[Interface]] = {
    "commands": IHandlerMaker,
    "dialects": IDialectMaker,
    "stores": IStoreMaker,
    "relays": IRelayMaker,
    "login checkers": ICheckerMaker,
    "join policies": IPolicyMaker,
    "chat filters": IFilterMaker,
    "imports": IImporterMaker,
}


@cache
def _declared(path: tuple[str, ...]) -> tuple[Any, ...]:
    """
    All declarations below these folders.  They are looked for once, so that
    Twisted logs a module that cannot be imported once, not for every kind.
    """
    makers: Iterable[Any] = getPlugins(IMaker)
    return tuple(makers)


def findMakers(kind: type[Interface], without: Iterable[str] = ()) -> list[Any]:
    """
    All declarations of a kind, in order of their names.

    @param kind: one of L{KINDS}.
    @param without: names that are switched off.
    @raise PluginLookupError: two have the same name.
    """
    found: dict[str, Any] = {}
    off = set(without)
    makers: list[Any] = [maker for maker in _declared(tuple(twisted.plugins.__path__)) if kind.providedBy(maker)]
    for maker in makers:
        if maker.name in off:
            continue
        if maker.name in found:
            raise PluginLookupError(
                f"two plugins are called {maker.name!r}: {found[maker.name]!r} and {maker!r}; "
                f"remove one of the distributions"
            )
        found[maker.name] = maker
    return [found[name] for name in sorted(found)]


def findMaker(kind: type[Interface], name: str, without: Iterable[str] = ()) -> Any:
    """
    The declaration with this name.

    @raise PluginLookupError: there is none; says which there are.
    """
    makers = findMakers(kind, without)
    for maker in makers:
        if maker.name == name:
            return maker
    word = next(word for word, known in KINDS.items() if known is kind)
    there = ", ".join(maker.name for maker in makers) or "none"
    raise PluginLookupError(f"{name!r} is none of the {word} there are: {there}")


def takesNothing(choice: str, argument: str) -> None:
    """
    Check that an operator has given nothing to what takes nothing.

    @param choice: what was chosen, such as C{--relay none}.
    @param argument: what stands behind its colon.
    @raise PluginLookupError: something does.
    """
    if argument:
        raise PluginLookupError(f"{choice}:{argument}: nothing can stand behind the colon")


__all__ = [
    "KINDS",
    "CheckerMaker",
    "DialectMaker",
    "FilterMaker",
    "HandlerMaker",
    "IMaker",
    "ImporterMaker",
    "Maker",
    "PolicyMaker",
    "RelayMaker",
    "StoreMaker",
    "findMaker",
    "findMakers",
    "takesNothing",
]
