"""
The checkout around the tests: an installed imtw has no docs, examples or
scripts.
"""

from __future__ import annotations

import os
from pathlib import Path
from unittest import SkipTest

import imtw

WHERE = Path(os.environ.get("IMTW_SOURCE") or Path(imtw.__file__).parents[1])


def checkout(part: str) -> Path:
    """
    The checkout that has this part.

    @param part: the path of a file in it.
    @raise SkipTest: there is none.
    """
    if not (WHERE / part).is_file():
        raise SkipTest(f"there is no {part} in {WHERE}: IMTW_SOURCE does not name a checkout")
    return WHERE
