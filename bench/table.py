"""
A report for people: a table in Markdown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bench.results import FigureResult, Report, RowResult
from bench.series import Series
from bench.shapes import OF_IT

HEAD = ("row", "what", "imtw", "beside it", "compared", "target", "")
NOISY = 0.1  # of the time the core was others': figures of elapsed time are not to be trusted then


def number(value: float) -> str:
    """
    Three digits of it.
    """
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"


def spread(values: Iterable[float]) -> str:
    """
    The middle, and from where to where.
    """
    series = Series(tuple(values))
    low, middle, high = map(number, (series.low, series.median, series.high))
    return middle if low == high else f"{middle} ({low} to {high})"


def compared(figure: FigureResult) -> str:
    """
    How the sides compare: as the target does, or as multiple of the other.
    """
    if not figure.ratios:
        return ""
    ratio = Series(tuple(figure.ratios)).median
    if figure.target.endswith(OF_IT) and ratio:
        return f"{number(1 / ratio)}{OF_IT}"
    return f"{number(ratio)} times"


def cells(row: RowResult, figure: FigureResult) -> tuple[str, ...]:
    """
    One line.
    """
    beside = f"{row.sides[1]}: {spread(figure.besides)}" if figure.besides else ""
    ours = spread(figure.values)
    if row.sides[0] != "imtw":
        ours = f"{row.sides[0]}: {ours}"
    verdict = {True: "reached", False: "MISSED", None: ""}[figure.reached]
    what = f"{row.title}: {figure.unit}"
    return row.name, what, ours, beside, compared(figure), figure.target, verdict


def line(texts: Iterable[str]) -> str:
    """
    A line of a table.
    """
    return "| " + " | ".join(text.replace("|", "\\|") for text in texts) + " |"


def rowLines(row: RowResult) -> Iterator[str]:
    """
    The lines of one row.
    """
    for figure in row.figures:
        yield line(cells(row, figure))
    if not row.figures:
        yield line((row.name, row.title, "not measured", "; ".join(row.unsound), "", "", "MISSED"))


def notes(report: Report) -> Iterator[str]:
    """
    What to know beside the table.
    """
    for row in report.rows:
        if row.unsound and row.figures:
            yield f"- {row.name}: {len(row.unsound)} rounds do not count: {row.unsound[0]}"
        if row.others > NOISY:
            yield f"- {row.name}: noisy, other programs had the server's core {row.others:.0%} of the time"


def markdown(report: Report) -> str:
    """
    All of it.
    """
    machine = ", ".join(f"{key} {value}" for key, value in report.machine.items())
    size = ", quick: sizes are smaller than it says below" if report.quick else ""
    judged = [figure.reached for row in report.rows for figure in row.figures if figure.reached is not None]
    lines = [
        f"imtw {report.commit}, {report.date}",
        "",
        f"{machine}. {report.rounds} rounds{size}, {report.seconds:.0f} s. "
        "Medians (least to most); CPU is the server's, for each operation.",
        "",
        line(HEAD),
        "|" + "---|" * len(HEAD),
        *(text for row in report.rows for text in rowLines(row)),
        "",
        f"{sum(judged)} of {len(judged)} targets reached.",
    ]
    if unmeasured := [row.name for row in report.rows if not row.figures]:
        lines.append(f"Not measured: {', '.join(unmeasured)}.")
    remarks = list(notes(report))
    return "\n".join([*lines, *([""] if remarks else []), *remarks]) + "\n"
