"""What is expected of answers at a size: accuracy and verdicts, from a packaged table."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from originid.scale.growth import Basis, interpolated
from originid.scale.tables import FOLDER, REINSTALL, number_of, read_table
from originid.system.strict_json import JsonObject

BANDS = ("all", "tight", "moved", "redrawn")
"""All edits, and those that kept the layout, moved it, or redrew the subject."""
VERDICTS = ("right", "wrong", "false")
"""Shares of verdicts ``origin``: for the origin, for another reference although the origin is
there, and of queries without an origin."""


@dataclass(frozen=True)
class Share:
    """A share of queries and the ends of its 95 % interval, in percent."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Curve:
    """A share by the number of references.

    Args:
        sizes: the numbers of references, ascending.
        shares: one for each size.
        counted: the largest size at which it was counted, and not projected.
    """

    sizes: tuple[int, ...]
    shares: tuple[Share, ...]
    counted: int

    def at(self, references: int) -> tuple[Share | None, Basis]:
        """Return the share at a size, None beyond the last one, and where it comes from."""
        if references > self.sizes[-1]:
            return None, Basis.UNKNOWN
        logs, here = [math.log(size) for size in self.sizes], math.log(references)
        parts = ([getattr(each, name) for each in self.shares] for name in ("value", "low", "high"))
        share = Share(*(interpolated(logs, values, here) for values in parts))
        return share, Basis.MEASURED if references <= self.counted else Basis.EXTRAPOLATED


@dataclass(frozen=True)
class Expected:
    """What benchmarks/projection.py found.

    Args:
        date: the day.
        model: the name of the model.
        pairs: the pairs in words.
        stated: the false-match rate of the verdicts.
        acc: for each of `BANDS`, the share of queries whose origin comes first.
        verdicts: each of `VERDICTS`.
    """

    date: str
    model: str
    pairs: str
    stated: float
    acc: Mapping[str, Curve]
    verdicts: Mapping[str, Curve]


def read_expected(path: Path = FOLDER / "expected.json") -> Expected:
    """Read what is expected.

    Args:
        path: a file that benchmarks/projection.py wrote.

    Raises:
        InputError: it is missing, or something else.
    """
    return read_table(path, _expected, "a table that benchmarks/projection.py wrote", REINSTALL)


def _expected(table: JsonObject) -> Expected:
    return Expected(
        date=str(table["date"]),
        model=str(table["model"]),
        pairs=str(table["pairs"]),
        stated=number_of(table, "stated"),
        acc={name: _curve(table["acc"][name]) for name in BANDS},
        verdicts={name: _curve(table["verdicts"][name]) for name in VERDICTS},
    )


def _curve(table: JsonObject) -> Curve:
    points = table["points"]
    sizes = tuple(int(number_of(point, "references", least=1)) for point in points)
    if not sizes or list(sizes) != sorted(set(sizes)):
        raise ValueError("the sizes of a curve must rise")
    shares = tuple(
        Share(*(number_of(point, name) for name in ("value", "low", "high"))) for point in points
    )
    return Curve(sizes, shares, int(number_of(table, "counted", least=1)))
