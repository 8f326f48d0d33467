"""What an experiment gives: tables, plots and contact sheets, and what was left out."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from originid.experiments.inputs import Inputs
from originid.experiments.scale import Scale, scale_name
from originid.images.contact_sheet import Tile
from originid.types import Failure, Json

Cell = str | int | float | None
"""None is a value that does not exist."""


@dataclass(frozen=True)
class Table:
    """Rows of cells under named columns, with a sentence or more about them."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""

    def to_json(self) -> list[Json]:
        """One object for each row."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


@dataclass(frozen=True)
class Plot:
    """Lines (x, y), or with ``bars`` groups of bars whose x are names; ``log`` names log axes."""

    title: str
    x: str
    y: str
    series: Mapping[str, tuple[Sequence[Any], Sequence[float]]]
    bars: bool = False
    log: str = ""


@dataclass(frozen=True)
class Sheet:
    """Images in rows with captions, some rows side by side."""

    title: str
    rows: Sequence[Sequence[Tile]]
    columns: int = 1


@dataclass(frozen=True)
class Report:
    """The results of an experiment.

    ``summary`` is what the command prints. ``skipped`` has the reason for each part that was not
    run; ``failures`` the files that could not be used. ``note`` says in what the data differ from
    the paper's.
    """

    name: str
    title: str
    inputs: Inputs
    summary: Table
    tables: Mapping[str, Table] = field(default_factory=dict)
    plots: Mapping[str, Plot] = field(default_factory=dict)
    sheets: Mapping[str, Sheet] = field(default_factory=dict)
    skipped: Mapping[str, str] = field(default_factory=dict)
    failures: tuple[Failure, ...] = ()
    note: str = ""

    @property
    def command(self) -> str:
        """What makes the report, folders by their last part."""
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
        """Everything but plots and sheets; null for a value that does not exist."""
        return {
            "experiment": self.name,
            "inputs": self.inputs.to_json(),
            "note": self.note,
            "summary": self.summary.to_json(),
            "tables": {key: table.to_json() for key, table in self.tables.items()},
            "skipped": dict(self.skipped),
            "unreadable": [asdict(failure) for failure in self.failures],
        }


def show(cell: Cell) -> str:
    """A cell as text: six digits, and ``n/a`` for what does not exist."""
    if cell is None:
        return "n/a"
    return f"{cell:.6g}" if isinstance(cell, float) else str(cell)
