"""
How plugins are declared.
"""

from __future__ import annotations

from typing import Any

from zope.interface import Attribute, Interface


class IMaker(Interface):
    """
    A declaration of any kind: what L{imtw.plugin} finds.
    """

    name: str = Attribute("Unique among its kind; what C{--without} takes.")
    help: str = Attribute("One line for C{--help-plugins}.")

    def make(*args: Any) -> Any:
        """
        Load the class and make the thing.
        """


class IHandlerMaker(IMaker):
    """
    Makes an L{ICommandHandler} from an L{ICore}.
    """


class IFilterMaker(IMaker):
    """
    Makes an L{IChatFilter} from an L{ICore}.
    """


class IPolicyMaker(IMaker):
    """
    Makes an L{IJoinPolicy} from an L{ICore}.
    """


class ICheckerMaker(IMaker):
    """
    Makes an L{ILoginChecker} from an L{ICore} and the text behind the colon
    of C{--auth NAME:...}.
    """


class IStoreMaker(IMaker):
    """
    Makes an L{IStore} from the text behind the colon of C{--store NAME:...},
    the reactor and the L{imtw.limits.Limits}.
    """


class IRelayMaker(IMaker):
    """
    Makes an L{IRelay} from the text behind the colon of C{--relay NAME:...}
    and the reactor.
    """


class IDialectMaker(IMaker):
    """
    Makes an L{IDialect} from an L{ICore} and the dialect's options.
    """

    options: dict[str, str] = Attribute("Known options and their help.")
    kinds: dict[str, str] = Attribute("Kinds of ports, as C{--port-for NAME-KIND} has them, and their help.")

    def missing() -> list[str]:
        """
        The modules that it cannot do without and that are not installed.
        """


class IImporterMaker(IMaker):
    """
    Makes an L{IImporter} from the name of the file behind C{imtw import NAME
    --from}.
    """
