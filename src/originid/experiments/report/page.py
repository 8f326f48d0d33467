"""One HTML page of many reports. Tables and plots are in it, so that it needs no other file."""

import base64
import io
from collections.abc import Mapping, Sequence, Set
from html import escape
from pathlib import Path

from originid.experiments.paper import NOTES
from originid.experiments.report.findings import picture_name, pictures, sentences
from originid.experiments.report.report import Cell, ExperimentReport, Plot, Table, show
from originid.experiments.report.timing import Timing
from originid.experiments.report.writing import draw, no_value, sheet_name, write_text
from originid.system.storage import storage_errors

LONG = 40  # rows; a longer table is shown when the reader asks for it
STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; display: block; overflow-x: auto; font-size: 14px; }
th, td { border: 1px solid #ccc; padding: .2rem .5rem; text-align: right; }
th { background: #f3f3f3; } th:first-child, td:first-child { text-align: left; }
td.paper { color: #555; background: #fafafa; } img { max-width: 100%; }
code { background: #f3f3f3; padding: 0 .2rem; } nav { columns: 20rem; } nav a { display: block; }
.found { display: flex; flex-wrap: wrap; gap: 1rem; } figure { margin: 0; flex: 1 1 20rem; }
figcaption { color: #444; } summary { cursor: pointer; }
.note { color: #444; white-space: pre-line; }
"""


def write_page(
    path: Path,
    reports: Sequence[ExperimentReport],
    missing: Mapping[str, str],
    timings: Mapping[str, Timing],
) -> None:
    """Write the page.

    Args:
        path: the file of the page. It links to the CSV files and the sheets beside it.
        reports: the reports, in the order in which the page shows them.
        missing: the reason for each experiment that could not be run, by its name.
        timings: the times of experiments by their names, as far as they are known.

    Raises:
        StorageError: the page cannot be written.
        ImportError: matplotlib is not installed, and a report has a plot.
    """
    with storage_errors(path):
        write_text(path, to_html(reports, missing, timings))


def to_html(
    reports: Sequence[ExperimentReport], missing: Mapping[str, str], timings: Mapping[str, Timing]
) -> str:
    """Return the page as text.

    Args:
        reports: the reports, in the order in which the page shows them.
        missing: the reason for each experiment that could not be run, by its name.
        timings: the times of experiments by their names, as far as they are known.

    Raises:
        ImportError: matplotlib is not installed, and a report has a plot.
    """
    links = "".join(f'<a href="#{each.name}">{escape(each.title)}</a>' for each in reports)
    # Most reports of a folder are about the same data and have the same note: it is shown once.
    notes = dict.fromkeys(report.note for report in reports if report.note)
    parts = ["<h1>Origin identification: every table and figure</h1>", *_findings(reports)]
    parts += ["<h2>All results</h2>", f"<nav>{links}</nav>"] if reports else []
    parts += [f'<p class="note">{escape(note)}</p>' for note in notes]
    if timings:
        whole = sum(each.seconds for each in timings.values()) / 60
        cores = sum(each.core_seconds for each in timings.values()) / 60
        parts += [
            f"<p>All of it took {whole:.0f} minutes, in which {cores:.0f} core-minutes were "
            "computed. What experiments share, above all latents, is counted in the experiment "
            "that needed it first.</p>"
        ]
    parts += ["<p>Where the paper contradicts itself:</p><ul>"]
    parts += [f"<li>{escape(note)}</li>" for note in NOTES] + ["</ul>"]
    shown = {name for name, _ in pictures(reports)}
    parts += [_section(report, timings.get(report.name), shown) for report in reports]
    if missing:
        parts += ["<h2>Not run</h2>", _list(missing)]
    head = f'<meta charset="utf-8"><title>originid: results</title><style>{STYLE}</style>'
    return f'<!doctype html>\n<html lang="en"><head>{head}</head><body>\n' + "\n".join(
        [*parts, "</body></html>\n"]
    )


def _findings(reports: Sequence[ExperimentReport]) -> list[str]:
    """What was found, for readers who read nothing else."""
    told, drawn = sentences(reports), pictures(reports)
    if not told and not drawn:
        return []
    items = "".join(f"<li>{escape(sentence)}</li>" for sentence in told)
    figures = "".join(
        f'<figure id="{escape(name)}">{_image(plot)}<figcaption>{escape(plot.title)}</figcaption>'
        "</figure>"
        for name, plot in drawn
    )
    return ["<h2>What was found</h2>", f"<ul>{items}</ul>", f'<div class="found">{figures}</div>']


def _section(report: ExperimentReport, timing: Timing | None, shown: Set[str]) -> str:
    took = "" if timing is None else f", {timing.seconds / 60:.1f} minutes"
    parts = [f'<h2 id="{report.name}">{escape(report.title)}</h2>']
    parts += [f"<p><code>{escape(report.command)}</code>{took}</p>"]
    parts += [_table(report.summary, f"{report.name}.csv")]
    for key in dict.fromkeys([*report.tables, *report.plots]):
        if key in report.tables:
            parts += [_table(report.tables[key], f"{report.name}-{key}.csv")]
        if key in report.plots:
            parts += [_plot(report.plots[key], picture_name(report.name, key), shown)]
    for key, sheet in report.sheets.items():
        name = sheet_name(report, key)
        parts += [f'<p><a href="{escape(name)}">{escape(sheet.title)}</a></p>']
    if report.skipped:
        names = escape(", ".join(report.skipped))
        parts += [f"<details><summary>Not run: {names}</summary>{_list(report.skipped)}</details>"]
    return "\n".join(parts)


def _table(table: Table, file: str) -> str:
    table, empty = table.folded()
    rows = ["".join(f"<th>{escape(name)}</th>" for name in table.columns)]
    for row in table.rows:
        rows.append("".join(_cell(n, cell) for n, cell in zip(table.columns, row, strict=True)))
    body = "\n".join(f"<tr>{row}</tr>" for row in rows)
    whole = f"<table>{body}</table>"
    if len(table.rows) > LONG:
        whole = f"<details><summary>{len(table.rows)} rows</summary>{whole}</details>"
    notes = [no_value(empty)] if empty else []
    notes += [table.note] if table.note else []
    below = "".join(f'<p class="note">{escape(note)}</p>' for note in notes)
    link = f'<a href="{escape(file)}" title="{escape(table.title)}, as CSV">CSV</a>'
    return f"<h3>{escape(table.title)} <small>{link}</small></h3>\n{whole}\n{below}"


def _cell(column: str, cell: Cell) -> str:
    kind = ' class="paper"' if column.startswith("paper") else ""
    return f"<td{kind}>{escape(show(cell))}</td>"


def _plot(plot: Plot, name: str, shown: Set[str]) -> str:
    """A plot, or a link to it if it is one of those at the top of the page."""
    if name in shown:
        return f'<p><a href="#{escape(name)}">{escape(plot.title)}</a>: see the picture above</p>'
    return f"<p>{_image(plot)}</p>"


def _image(plot: Plot) -> str:
    file = io.BytesIO()
    draw(file, plot)
    data = base64.b64encode(file.getvalue()).decode()
    return f'<img alt="{escape(plot.title)}" src="data:image/png;base64,{data}">'


def _list(reasons: Mapping[str, str]) -> str:
    items = "".join(f"<li>{escape(k)}: {escape(why)}</li>" for k, why in reasons.items())
    return f"<ul>{items}</ul>"
