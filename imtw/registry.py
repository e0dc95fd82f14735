"""
Which handler answers which command.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from msgspec import Struct

from imtw.errors import PluginLookupError
from imtw.interfaces import ICommandHandler

NAME = re.compile("[a-z][a-z0-9]*(-[a-z0-9]+)*")
LARGEST_CODE = 126  # a command is a signed byte in J-IM's frames; 127 is its own


class Registry:
    """
    The handlers of one server, one to a command.
    """

    def __init__(self, handlers: Iterable[ICommandHandler] = ()) -> None:
        self.byCode: dict[int, ICommandHandler] = {}
        self.byName: dict[str, ICommandHandler] = {}
        for handler in handlers:
            self.register(handler)

    def register(self, handler: ICommandHandler) -> None:
        """
        Add a handler.

        @raise PluginLookupError: its code or its name is taken, or its code
            is none that a frame can carry, its name none that a path can
            have, its request nothing that can be read.
        """
        command = handler.command
        if not NAME.fullmatch(command.name):
            raise PluginLookupError(
                f"command {command.name!r} of {nameOf(handler)}: wanted lower-case words with dashes between for a name"
            )
        if not isinstance(command.request, type) or not issubclass(command.request, Struct):
            raise PluginLookupError(
                f"command {command.name!r}: its request is {command.request!r}, wanted a class of msgspec's Structs"
            )
        if not 1 <= command.code <= LARGEST_CODE:
            raise PluginLookupError(
                f"command {command.name!r}: its code is {command.code}, wanted 1 to {LARGEST_CODE}"
            )
        other = self.byCode.get(command.code) or self.byName.get(command.name)
        if other is not None:
            raise PluginLookupError(
                f"{nameOf(handler)} and {nameOf(other)} both answer command {command.code} ({command.name}); "
                f"switch one off with --without NAME"
            )
        self.byCode[command.code] = handler
        self.byName[command.name] = handler

    def __iter__(self) -> Iterator[ICommandHandler]:
        """
        The handlers in order of their codes.
        """
        return iter([self.byCode[code] for code in sorted(self.byCode)])


def nameOf(handler: ICommandHandler) -> str:
    """
    The class of a handler, as a declaration has it.
    """
    kind = type(handler)
    return f"{kind.__module__}.{kind.__qualname__}"
