"""Reports as files: JSON, CSV, Markdown, plots and sheets. Many reports share a folder."""

import csv
import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO

from originid.errors import ExtraError, InputError
from originid.experiments.inputs import ExperimentInputs
from originid.experiments.report.report import ExperimentReport, Plot, Table, show
from originid.images.contact_sheet import write_sheet
from originid.system.csv_rows import guarded
from originid.system.storage import new_file, storage_errors
from originid.system.strict_json import read_json
from originid.types import Json

MOST_BYTES = 100_000_000  # of a report
INPUTS = "inputs.json"  # in the folder of the reports: what they were made with


def refuse_missing_plots() -> None:
    """Check that plots can be drawn, before an experiment that takes hours rather than after it.

    Raises:
        ExtraError: matplotlib is not installed.
    """
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError as error:
        raise ExtraError("drawing plots", "experiments") from error


def open_folder(folder: Path, inputs: ExperimentInputs) -> None:
    """Begin a folder of reports, or go on with one that was begun with the same inputs.

    Args:
        folder: the folder; it is made if it does not exist.
        inputs: what the reports are made with.

    Raises:
        InputError: the folder holds something else, or reports of other inputs.
        StorageError: the folder cannot be made or written.
    """
    file = folder / INPUTS
    text = json.dumps(inputs.to_json(), indent=2) + "\n"
    with storage_errors(folder):
        if not file.exists() and folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise InputError(
                f"{folder} exists and holds no reports",
                "expected a new or empty folder, or a folder of reports that was begun before",
                "choose another folder",
            )
        folder.mkdir(parents=True, exist_ok=True)
        # As long as nothing was made, the inputs may still be changed.
        if {each.name for each in folder.iterdir()} <= {INPUTS}:
            write_text(file, text)
    before = read_object(file)
    if before != json.loads(text):
        changed = [name for name, value in before.items() if inputs.to_json().get(name) != value]
        raise InputError(
            f"{folder} holds reports of other inputs: {', '.join(changed)}",
            f"expected the inputs that the folder was begun with; its {INPUTS} has them",
            "give these inputs, or choose another folder",
        )


def read_object(file: Path) -> Json:
    """Return the JSON object in a file, or an empty one if there is no such file.

    Args:
        file: a file that an experiment wrote.

    Raises:
        InputError: the file cannot be read, or holds something else.
    """
    try:
        return read_json(file, MOST_BYTES) if file.exists() else {}
    except (OSError, ValueError) as error:
        raise InputError(
            f"{file} cannot be used: {error}",
            "expected a JSON object that an experiment wrote",
            "delete the file, or choose another folder; the results in the folder parts stay valid",
        ) from error


def write_report(folder: Path, report: ExperimentReport) -> None:
    """Write NAME.json, NAME.md, NAME.csv, NAME-TABLE.csv, NAME-PLOT.png and NAME-SHEET.jpg.

    Each file is replaced as a whole. NAME.json is written last, so that it is a sign that the
    others are complete.

    Args:
        folder: the folder of the reports; it is made if it does not exist.
        report: the report.

    Raises:
        StorageError: a file cannot be written.
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


def plot_name(report: ExperimentReport, key: str) -> str:
    """Return the name of the file of a plot; ``key`` is the plot's name in the report."""
    return f"{report.name}-{key}.png"


def sheet_name(report: ExperimentReport, key: str) -> str:
    """Return the name of the file of a sheet; ``key`` is the sheet's name in the report."""
    return f"{report.name}-{key}.jpg"


def to_csv(table: Table) -> str:
    """Return a table as CSV with a header. A value that does not exist is an empty cell."""
    file = io.StringIO(newline="")
    csv.writer(file, lineterminator="\n").writerows(map(guarded, [table.columns, *table.rows]))
    return file.getvalue()


def to_markdown(report: ExperimentReport) -> str:
    """Return a page in Markdown with the tables, and links to the plots and the sheets."""
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
    report: ExperimentReport,
    of_table: Callable[[str, Table], list[str]],
    of_plot: Callable[[str, Plot], list[str]],
) -> list[str]:
    """Return what is made of all tables and plots; a table and a plot of one name are neighbours.

    Args:
        report: the report.
        of_table: makes lines of a table and its name.
        of_plot: makes lines of a plot and its name.
    """
    parts: list[str] = []
    for key in dict.fromkeys([*report.tables, *report.plots]):
        parts += of_table(key, report.tables[key]) if key in report.tables else []
        parts += of_plot(key, report.plots[key]) if key in report.plots else []
    return parts


def _table(table: Table) -> str:
    table, empty = table.folded()
    lines = [f"## {table.title}", "", _row(table.columns), _row(["---"] * len(table.columns))]
    lines += [_row([show(cell) for cell in row]) for row in table.rows]
    lines += ["", no_value(empty)] if empty else []
    return "\n".join([*lines, "", *([table.note, ""] if table.note else [])])


def no_value(names: Sequence[str]) -> str:
    """Say in a line which rows of a table are left out because they have no value.

    Args:
        names: the names of the rows, at least one.
    """
    return f"No value, here or in the paper: {'; '.join(names)}."


def _row(cells: "tuple[str, ...] | list[str]") -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def write_text(path: Path, text: str) -> None:
    """Write a text file in UTF-8 as a whole: a run that is cut off leaves the old file or none."""
    with new_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def draw(path: "Path | BinaryIO", plot: Plot) -> None:
    """Draw a plot as a PNG image.

    Args:
        path: the path of the image, or an open binary file.
        plot: the plot.

    Raises:
        ImportError: matplotlib is not installed; `refuse_missing_plots` asks first.
    """
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
    # Below the axes the legend covers nothing. Inside, matplotlib would search the best place,
    # which takes seconds on a busy machine.
    figure.legend(loc="outside lower center", ncols=2, fontsize="small")
    figure.savefig(path, dpi=110, format="png", metadata={"Software": None})
