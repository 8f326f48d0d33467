"""What an experiment takes and gives, and how that is written: JSON, Markdown and plots."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from originid.errors import ExtraError, InputError
from originid.storage import new_directory
from originid.types import Failure, Json

Cell = str | int | float | None
"""None is a value that does not exist."""


@dataclass(frozen=True)
class Inputs:
    """What an experiment may use.

    Args:
        vaes: folders or hub ids of autoencoders.
        pairs: manifest of pairs.
        references: folder of photos.
        images: how many of the photos are used, spread over the folder.
        seed: of all that is drawn.
    """

    vaes: tuple[str, ...] = ()
    pairs: Path | None = None
    references: Path | None = None
    images: int = 200
    seed: int = 0

    def __post_init__(self) -> None:
        if self.images < 1:
            raise InputError(f"images = {self.images}", "expected at least 1", "give more images")


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

    def to_markdown(self) -> str:
        """A section with the table and its note."""
        lines = [f"## {self.title}", "", _row(self.columns), _row(["---"] * len(self.columns))]
        lines += [_row([show(cell) for cell in row]) for row in self.rows]
        return "\n".join([*lines, "", *([self.note, ""] if self.note else [])])


@dataclass(frozen=True)
class Plot:
    """Lines (x, y), or with ``bars`` groups of bars whose x are names."""

    title: str
    x: str
    y: str
    series: Mapping[str, tuple[Sequence[Any], Sequence[float]]]
    bars: bool = False
    log: bool = False


@dataclass(frozen=True)
class Report:
    """The results of an experiment.

    ``summary`` is what the command prints. ``skipped`` has the reason for each part that was not
    run; ``failures`` the files that could not be used.
    """

    name: str
    title: str
    inputs: Inputs
    summary: Table
    tables: Mapping[str, Table] = field(default_factory=dict)
    plots: Mapping[str, Plot] = field(default_factory=dict)
    skipped: Mapping[str, str] = field(default_factory=dict)
    failures: tuple[Failure, ...] = ()

    def to_json(self) -> Json:
        """Everything but the plots; null for a value that does not exist."""
        return {
            "experiment": self.name,
            "inputs": {**asdict(self.inputs), **_paths(self.inputs)},
            "summary": self.summary.to_json(),
            "tables": {key: table.to_json() for key, table in self.tables.items()},
            "skipped": dict(self.skipped),
            "unreadable": [asdict(failure) for failure in self.failures],
        }

    def to_markdown(self) -> str:
        """The page that shows the tables and the plots."""
        parts = [f"# {self.title}", "", self.summary.to_markdown()]
        for key in dict.fromkeys([*self.tables, *self.plots]):
            parts += [self.tables[key].to_markdown()] if key in self.tables else []
            parts += [f"![{self.plots[key].title}]({key}.png)", ""] if key in self.plots else []
        if self.skipped:
            parts += ["## Not run", "", *(f"- {k}: {why}" for k, why in self.skipped.items()), ""]
        return "\n".join(parts)


def refuse_missing_plots() -> None:
    """Raise ExtraError if plots cannot be drawn: before an experiment, not after it."""
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError as error:
        raise ExtraError("drawing plots", "experiments") from error


def write_report(path: str | os.PathLike[str], report: Report) -> None:
    """Write NAME.json, NAME.md and the plots into a new folder, all or nothing.

    Raises:
        InputError: ``path`` exists.
        StorageError: the disk refuses.
        ExtraError: matplotlib is not installed.
    """
    refuse_missing_plots()
    with new_directory(Path(path)) as folder:
        text = json.dumps(report.to_json(), indent=2, allow_nan=False) + "\n"
        (folder / f"{report.name}.json").write_text(text, encoding="utf-8")
        (folder / f"{report.name}.md").write_text(report.to_markdown(), encoding="utf-8")
        for key, plot in report.plots.items():
            _draw(folder / f"{key}.png", plot)


def show(cell: Cell) -> str:
    """A cell as text: six digits, and ``n/a`` for what does not exist."""
    if cell is None:
        return "n/a"
    return f"{cell:.6g}" if isinstance(cell, float) else str(cell)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _paths(inputs: Inputs) -> dict[str, str | None]:
    values = {"pairs": inputs.pairs, "references": inputs.references}
    return {name: None if path is None else os.fspath(path) for name, path in values.items()}


def _draw(path: Path, plot: Plot) -> None:
    from matplotlib.figure import Figure  # without pyplot: no window, no global state

    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    width = 0.8 / max(len(plot.series), 1)
    for place, (name, (x, y)) in enumerate(plot.series.items()):
        if plot.bars:
            axes.bar([i + place * width for i in range(len(x))], y, width, label=name)
            middle = (len(plot.series) - 1) * width / 2
            axes.set_xticks([i + middle for i in range(len(x))], labels=list(x))
        else:
            axes.plot(x, y, label=name)
    axes.set(title=plot.title, xlabel=plot.x, ylabel=plot.y)
    if plot.log:
        axes.set_yscale("log")
    axes.legend(fontsize="small")
    figure.savefig(path, dpi=150, metadata={"Software": None})
