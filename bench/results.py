"""
What came of it, and how it is kept (JSON).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct, field
from msgspec.json import Decoder, Encoder, format

from bench.series import Series, over
from bench.shapes import Figure, Numbers, Row

FORMAT = 1


class FigureResult(Struct, omit_defaults=True):
    """
    One figure of a row.

    @ivar values: of the first side, a value a round.
    @ivar besides: of the other side.
    @ivar ratios: of the first to the other, round by round.
    @ivar target: in words, or empty.
    @ivar reached: was it; L{None} where there is none.
    """

    key: str
    unit: str
    values: list[float]
    besides: list[float] = field(default_factory=list)
    ratios: list[float] = field(default_factory=list)
    target: str = ""
    reached: bool | None = None


class RowResult(Struct, omit_defaults=True):
    """
    One row.

    @ivar sides: their names.
    @ivar numbers: everything that each side gave, by round.
    @ivar unsound: what went wrong in rounds that do not count.
    @ivar others: the part of the time that other programs had the server's
        core: the middle of all rounds.
    """

    name: str
    title: str
    sides: list[str]
    figures: list[FigureResult]
    numbers: dict[str, list[dict[str, float]]]
    unsound: list[str]
    others: float


class Report(Struct):
    """
    A run.
    """

    date: str
    commit: str
    machine: dict[str, str]
    quick: bool
    rounds: int
    seconds: float
    rows: list[RowResult]
    format: int = FORMAT


_encoder = Encoder()
_decoder = Decoder(Report)


def figureResult(figure: Figure, numbers: Mapping[str, Sequence[Numbers]]) -> FigureResult | None:
    """
    What a figure's numbers come to.

    @return: L{None} where no round counts.
    """
    columns = [Series(tuple(float(one[figure.key]) for one in side if figure.key in one)) for side in numbers.values()]
    if not columns[0].values:
        return None
    ours = columns[0]
    result = FigureResult(figure.key, figure.unit, list(ours.values))
    if len(columns) > 1 and columns[1].values:
        result.besides = list(columns[1].values)
        result.ratios = list(over(ours, columns[1]).values)
    if figure.target is not None:
        ratio = Series(tuple(result.ratios)).median if result.ratios else None
        result.target = str(figure.target)
        result.reached = figure.target.judge(ours.median, ratio)
    return result


def rowResult(row: Row, rounds: Sequence[Mapping[str, Numbers]], unsound: Sequence[str]) -> RowResult:
    """
    What the rounds of a row come to.

    @param rounds: those that count: of each all sides' numbers.
    @param unsound: what was wrong with the others.
    """
    numbers = {side: [one[side] for one in rounds] for side in row.sides}
    others = [float(side["others"]) for one in rounds for side in one.values() if "others" in side]
    return RowResult(
        row.name,
        row.title,
        list(row.sides),
        [result for figure in row.figures if (result := figureResult(figure, numbers)) is not None],
        {side: [dict(one) for one in found] for side, found in numbers.items()},
        list(unsound),
        Series(tuple(others)).median if others else 0.0,
    )


def dump(report: Report) -> bytes:
    """
    A report as JSON.
    """
    return format(_encoder.encode(report), indent=1) + b"\n"


def load(data: bytes) -> Report:
    """
    A report from JSON.

    @raise msgspec.ValidationError: it is none.
    """
    return _decoder.decode(data)
