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
from traceback import extract_tb
from typing import Any

from twisted.plugin import IPlugin, getPlugins
from twisted.python import reflect
from twisted.python.reflect import namedAny
from zope.interface import Interface, implementer, verify
from zope.interface.verify import verifyObject

import twisted.plugins
from imtw.errors import ImtwError, PluginLookupError
from imtw.interfaces import (
    IChatFilter,
    ICheckerMaker,
    ICommandHandler,
    IDialect,
    IDialectMaker,
    IFilterMaker,
    IHandlerMaker,
    IImporter,
    IImporterMaker,
    IJoinPolicy,
    ILoginChecker,
    IMaker,
    IPolicyMaker,
    IRelay,
    IRelayMaker,
    IStore,
    IStoreMaker,
)


@implementer(IPlugin)
class Maker:
    """
    A declaration: a name, a class and a line of help.

    @cvar product: what the class has to provide; L{None} for anything.
    """

    product: type[Interface] | None = None

    def __init__(self, name: str, dottedName: str, help: str = "") -> None:
        self.name = name
        self.dottedName = dottedName
        self.help = help

    def make(self, *args: Any) -> Any:
        """
        Load the class and make one.

        @raise PluginLookupError: that cannot be done, or what is made is not
            what was declared.
        """
        try:
            made = namedAny(self.dottedName)
        except Exception as error:
            raise self._refusal("loaded", error) from error
        try:
            found = made(*args)
            if self.product is not None:
                verifyObject(self.product, found, tentative=True)
        except ImtwError:
            raise
        except Exception as error:
            raise self._refusal("made", error) from error
        return found

    def _refusal(self, done: str, error: Exception) -> PluginLookupError:
        """
        What to tell the operator, who may be the author.
        """
        return PluginLookupError(f"plugin {self.name!r}: {self.dottedName} cannot be {done}: {why(error)}")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}, {self.dottedName!r})"


def why(error: Exception) -> str:
    """
    What a plugin failed with, and where in it, in one line.
    """
    frames = [frame for frame in extract_tb(error.__traceback__) if not frame.filename.startswith("<")]
    own = [frame for frame in frames if frame.filename not in (__file__, reflect.__file__, verify.__file__)]
    place = f" ({own[-1].filename}, line {own[-1].lineno})" if own else ""
    return f"{type(error).__name__}: {' '.join(str(error).split())}{place}"


@implementer(IHandlerMaker)
class HandlerMaker(Maker):
    """
    Declares an answer to one command.
    """

    product = ICommandHandler


@implementer(IFilterMaker)
class FilterMaker(Maker):
    """
    Declares a chat filter.
    """

    product = IChatFilter


@implementer(IPolicyMaker)
class PolicyMaker(Maker):
    """
    Declares a join policy.
    """

    product = IJoinPolicy


@implementer(ICheckerMaker)
class CheckerMaker(Maker):
    """
    Declares a login checker.
    """

    product = ILoginChecker


@implementer(IStoreMaker)
class StoreMaker(Maker):
    """
    Declares a store.
    """

    product = IStore


@implementer(IRelayMaker)
class RelayMaker(Maker):
    """
    Declares a relay.
    """

    product = IRelay


@implementer(IDialectMaker)
class DialectMaker(Maker):
    """
    Declares a dialect, the options it takes, the kinds of ports of its own
    that it has besides the one where it all is spoken, and the modules of
    other distributions that it cannot do without.
    """

    product = IDialect

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

    product = IImporter


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
