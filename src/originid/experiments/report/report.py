"""What an experiment gives: tables, plots and contact sheets, and what was left out and why."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from originid.experiments.inputs import ExperimentInputs
from originid.experiments.scale import Scale, scale_name
from originid.images.contact_sheet import Tile
from originid.types import Failure, Json

Cell = str | int | float | None
"""A value in a table. None stands for a value that does not exist."""
NONE = "-"  # a cell of text that stands for a value that does not exist
TableRow = tuple[Cell, ...]
"""The cells of a row, one for each column of the table."""


@dataclass(frozen=True)
class Table:
    """A table.

    Args:
        title: the title.
        columns: the names of the columns. Those of the paper's values begin with ``paper``.
        rows: the rows from top to bottom, each with a cell for every column.
        note: the sentences that stand under the table; there may be none.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[TableRow, ...]
    note: str = ""

    def folded(self) -> "tuple[Table, tuple[str, ...]]":
        """Take out the rows without any value.

        Returns:
            The table without these rows, and what stands before their values: their names.
        """
        kept, names = [], []
        for row in self.rows:
            first, *others = row
            numbers = [cell for cell in row if isinstance(cell, int | float)]
            if numbers or any(map(_is_value, others)) or None not in others:
                kept.append(row)
            else:
                words = [cell for cell in others if cell not in (None, NONE)]
                names.append(", ".join(map(str, [first, *words])))
        return replace(self, rows=tuple(kept)), tuple(names)

    def to_json(self) -> list[Json]:
        """Return an object for each row, with the cells by the names of their columns."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


@dataclass(frozen=True)
class Plot:
    """A plot of lines or of bars.

    Args:
        title: the title.
        x: the name of the horizontal axis, with its unit.
        y: the name of the vertical axis, with its unit.
        series: the horizontal and the vertical values of each line, by the line's name. The
            horizontal values of bars are names.
        bars: True if the series are groups of bars, False if they are lines.
        log: the axes that are logarithmic: a text of none, one or both of the letters x and y.
    """

    title: str
    x: str
    y: str
    series: Mapping[str, tuple[Sequence[Any], Sequence[float]]]
    bars: bool = False
    log: str = ""


@dataclass(frozen=True)
class Sheet:
    """A contact sheet: images in rows, with captions.

    Args:
        title: the title.
        rows: the tiles of each row, from left to right.
        columns: how many rows stand side by side, at least 1.
    """

    title: str
    rows: Sequence[Sequence[Tile]]
    columns: int = 1


@dataclass(frozen=True)
class ExperimentReport:
    """The results of an experiment.

    Args:
        name: the name of the experiment, which the names of its files begin with.
        title: the headline.
        inputs: what the experiment was run with.
        summary: the table that the command prints.
        tables: further tables, by the names that end the names of their files.
        plots: the plots, by the names that end the names of their files.
        sheets: the contact sheets, by the names that end the names of their files.
        skipped: the reason for each part that was not run, by the part's name.
        failures: the files that could not be used.
        note: a sentence that says how the data differ from those of the paper.
    """

    name: str
    title: str
    inputs: ExperimentInputs
    summary: Table
    tables: Mapping[str, Table] = field(default_factory=dict)
    plots: Mapping[str, Plot] = field(default_factory=dict)
    sheets: Mapping[str, Sheet] = field(default_factory=dict)
    skipped: Mapping[str, str] = field(default_factory=dict)
    failures: tuple[Failure, ...] = ()
    note: str = ""

    @property
    def command(self) -> str:
        """The command that makes the report.

        Of folders it has the last part only, because a report may be shown to strangers.
        """
        inputs = self.inputs
        words = ["originid experiment", self.name, "-o OUT"]
        words += [f"--data {inputs.data.partition(':')[0]}:FOLDER"] if inputs.data else []
        words += [f"--vae {Path(vae).name}" for vae in inputs.vaes]
        words += ["--pairs PAIRS.csv"] if inputs.pairs else []
        words += ["--references FOLDER"] if inputs.references else []
        words += [] if inputs.scale == Scale() else [f"--scale {scale_name(inputs.scale)}"]
        words += [f"--seed {inputs.seed}"]
        return " ".join(words)

    def to_json(self) -> Json:
        """Return everything but plots and sheets; null stands for a value that does not exist."""
        return {
            "experiment": self.name,
            "inputs": self.inputs.to_json(),
            "note": self.note,
            "summary": self.summary.to_json(),
            "tables": {key: table.to_json() for key, table in self.tables.items()},
            "skipped": dict(self.skipped),
            "unreadable": [asdict(failure) for failure in self.failures],
        }


def _is_value(cell: Cell) -> bool:
    """Whether a text is a number with more beside it, as in ``0.9 ± 0.1`` and ``[0.8, 0.9]``."""
    return isinstance(cell, str) and re.match(r"[-+\[]*\d", cell) is not None


def show(cell: Cell) -> str:
    """Return a cell as text: numbers with six digits, and ``n/a`` for what does not exist."""
    if cell is None:
        return "n/a"
    return f"{cell:.6g}" if isinstance(cell, float) else str(cell)
