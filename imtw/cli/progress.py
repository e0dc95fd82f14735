"""
Progress bars: on a terminal, and only where tqdm is installed.
"""

from __future__ import annotations

from types import TracebackType
from typing import Protocol

try:
    from tqdm import tqdm
except ImportError:  # the extra "cli" brings it
    tqdm = None  # type: ignore[assignment, misc]


class Bar(Protocol):
    """
    A progress bar.
    """

    def update(self, n: int) -> object:
        """
        So much more is done.
        """

    def __enter__(self) -> Bar: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class NoBar:
    """
    Shows nothing.
    """

    def update(self, n: int) -> None:
        """
        Nobody looks.
        """

    def __enter__(self) -> NoBar:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass


def progress(what: str, total: int, unit: str) -> Bar:
    """
    A bar on standard error, if that is a terminal.
    """
    if tqdm is None:
        return NoBar()
    bar: Bar = tqdm(desc=what, total=total, unit=f" {unit}", disable=None, leave=False, dynamic_ncols=True)
    return bar
