"""
A chat filter: stars stand for the words listed in the file that
C{ACME_BADWORDS} names, one a line; a word behind C{!} keeps the whole
message from going out.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

from msgspec.structs import replace
from zope.interface import implementer

from imtw.commands import Status
from imtw.errors import CommandRefused, PluginLookupError
from imtw.interfaces import IChatFilter, ICore
from imtw.model import Draft


def anyOf(words: Iterable[str]) -> re.Pattern[str]:
    """
    Finds these words, and nothing if there are none.
    """
    return re.compile("|".join(map(re.escape, words)) or "(?!)", re.IGNORECASE)


@implementer(IChatFilter)
class BadWords:
    """
    Looks at the text of every message.
    """

    deadline = 1.0  # seconds; it never waits

    def __init__(self, core: ICore) -> None:
        try:
            words = Path(os.environ["ACME_BADWORDS"]).read_text(encoding="utf-8").split()
        except (KeyError, OSError) as error:
            raise PluginLookupError(f"badwords: ACME_BADWORDS names no file of words: {error!r}") from error
        self._refused = anyOf(word[1:] for word in words if word.startswith("!"))
        self._starred = anyOf(word for word in words if not word.startswith("!"))

    def filter(self, draft: Draft) -> Draft | None:
        if draft.content is None:  # recalls and some files have none
            return None
        if self._refused.search(draft.content):
            raise CommandRefused(Status.FORBIDDEN)
        return replace(draft, content=self._starred.sub(lambda word: "*" * len(word[0]), draft.content))
