"""Reports as files: JSON, CSV, Markdown, plots and sheets, in a folder that many reports share."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from originid.errors import ExtraError, InputError
from originid.experiments.inputs import Inputs
from originid.experiments.report.report import Plot, Report, Table, show
from originid.images.contact_sheet import write_sheet
from originid.system.storage import new_file, storage_errors
from originid.types import Json

INPUTS = "inputs.json"


def refuse_missing_plots() -> None:
    """Raise ExtraError if plots cannot be drawn: before an experiment, not after it."""
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError as error:
        raise ExtraError("drawing plots", "experiments") from error


def open_folder(folder: Path, inputs: Inputs) -> None:
    """Begin a folder of reports, or go on with one that was begun with the same inputs.

    Raises:
        InputError: it holds something else, or reports of other inputs.
        StorageError: the disk refuses.
    """
    file = folder / INPUTS
    text = json.dumps(inputs.to_json(), indent=2) + "\n"
    with storage_errors(folder):
        if not file.exists() and folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise InputError(
                f"{folder} exists",
                "expected a new or empty folder, or one of reports that was begun here",
                "choose another name",
            )
        folder.mkdir(parents=True, exist_ok=True)
        if {each.name for each in folder.iterdir()} <= {INPUTS}:  # nothing was made of others
            write_text(file, text)
    before = read_object(file)
    if before != json.loads(text):
        changed = [name for name, value in before.items() if inputs.to_json().get(name) != value]
        raise InputError(
            f"{folder} holds reports of other inputs: {', '.join(changed)}",
            "expected the inputs that it was begun with, as in its " + INPUTS,
            "give these, or choose another folder",
        )


def read_object(file: Path) -> Json:
    """The JSON object that a file of the folder holds; an empty one if there is no file.

    Raises:
        InputError: it holds something else.
    """
    try:
        found = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
        if not isinstance(found, dict):
            raise ValueError(f"it holds a {type(found).__name__}")
    except (OSError, ValueError) as error:
        raise InputError(
            f"{file} cannot be used: {error}",
            "expected what an experiment wrote there",
            "choose another folder, or delete the file: results in parts stay usable",
        ) from error
    return found


def write_report(folder: Path, report: Report) -> None:
    """Write NAME.json, NAME.md, NAME.csv, NAME-TABLE.csv, NAME-PLOT.png and NAME-SHEET.jpg.

    Each file is replaced whole; NAME.json comes last.

    Raises:
        StorageError: the disk refuses.
        ExtraError: matplotlib is not installed.
    """
    refuse_missing_plots()
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        write_text(folder / f"{report.name}.csv", to_csv(report.summary))
        for key, table in report.tables.items():
            write_text(folder / f"{report.name}-{key}.csv", to_csv(table))
        for key, plot in report.plots.items():
            with new_file(folder / plot_name(report, key)) as temporary:
                draw(temporary, plot)
        for key, sheet in report.sheets.items():
            write_sheet(folder / sheet_name(report, key), sheet.title, sheet.rows, sheet.columns)
        write_text(folder / f"{report.name}.md", to_markdown(report))
        text = json.dumps(report.to_json(), indent=2, allow_nan=False) + "\n"
        write_text(folder / f"{report.name}.json", text)


def plot_name(report: Report, key: str) -> str:
    """The file of a plot."""
    return f"{report.name}-{key}.png"


def sheet_name(report: Report, key: str) -> str:
    """The file of a sheet."""
    return f"{report.name}-{key}.jpg"


def to_csv(table: Table) -> str:
    """A table as CSV with a header; an empty cell is a value that does not exist."""
    file = io.StringIO(newline="")
    csv.writer(file, lineterminator="\n").writerows([table.columns, *table.rows])
    return file.getvalue()


def to_markdown(report: Report) -> str:
    """The page that shows tables, plots and sheets."""
    parts = [f"# {report.title}", "", f"`{report.command}`", ""]
    parts += [report.note, ""] if report.note else []
    parts += [_table(report.summary)]
    parts += _under_keys(
        report,
        lambda key, table: [_table(table)],
        lambda key, plot: [f"![{plot.title}]({plot_name(report, key)})", ""],
    )
    for key, sheet in report.sheets.items():
        parts += [f"[{sheet.title}]({sheet_name(report, key)})", ""]
    if report.skipped:
        parts += ["## Not run", "", *(f"- {k}: {why}" for k, why in report.skipped.items()), ""]
    return "\n".join(parts)


def _under_keys(
    report: Report,
    of_table: Callable[[str, Table], list[str]],
    of_plot: Callable[[str, Plot], list[str]],
) -> list[str]:
    """What is made of tables and plots, those of one key next to each other."""
    parts: list[str] = []
    for key in dict.fromkeys([*report.tables, *report.plots]):
        parts += of_table(key, report.tables[key]) if key in report.tables else []
        parts += of_plot(key, report.plots[key]) if key in report.plots else []
    return parts


def _table(table: Table) -> str:
    lines = [f"## {table.title}", "", _row(table.columns), _row(["---"] * len(table.columns))]
    lines += [_row([show(cell) for cell in row]) for row in table.rows]
    return "\n".join([*lines, "", *([table.note, ""] if table.note else [])])


def _row(cells: "tuple[str, ...] | list[str]") -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def write_text(path: Path, text: str) -> None:
    """Write a text file whole."""
    with new_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def draw(path: "Path | BinaryIO", plot: Plot) -> None:
    """Draw a plot as PNG."""
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
            axes.plot(x, y, label=name, marker="." if len(x) < 50 else "")
    axes.set(title=plot.title, xlabel=plot.x, ylabel=plot.y)
    for axis in plot.log:
        {"x": axes.set_xscale, "y": axes.set_yscale}[axis]("log")
    if "x" in plot.log:
        places = sorted({place for x, _ in plot.series.values() for place in x})
        axes.set_xticks(places, labels=[f"{place:g}" for place in places])
        axes.minorticks_off()
    # The best place is searched for, for seconds on a busy machine; below, nothing is covered.
    figure.legend(loc="outside lower center", ncols=2, fontsize="small")
    figure.savefig(path, dpi=110, format="png", metadata={"Software": None})
