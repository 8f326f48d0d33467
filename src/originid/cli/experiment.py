"""originid experiment: run an experiment of the paper and write its report."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from originid.cli.output import print_failures, print_json, progress_bar
from originid.system.text import printable

if TYPE_CHECKING:
    from originid.experiments import ExperimentReport

NAMES = (
    "data, table1 to table11, figure7 to figure9, strength, failures, discrepancy, theory, or all "
    "of them"
)


def experiment(
    name: Annotated[str, typer.Argument(metavar="NAME", help=f"Which one: {NAMES}.")],
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Folder for the reports; begun, or gone on with.")
    ],
    data: Annotated[
        str,
        typer.Option(metavar="NAME[:FOLDER]", help="A data set; without FOLDER $ORIGINID_DATA."),
    ] = "",
    vae: Annotated[
        list[str] | None,
        typer.Option(
            metavar="DIR_OR_ID", help="A VAE, folder or hub id; may be given several times."
        ),
    ] = None,
    pairs: Annotated[
        Path | None, typer.Option(metavar="PAIRS.csv", help="Instead of --data: your own pairs.")
    ] = None,
    references: Annotated[
        Path | None, typer.Option(help="Instead of --data: a folder of photos.")
    ] = None,
    latents: Annotated[
        Path | None, typer.Option(help="Folder of latents; by default OUTPUT/latents.")
    ] = None,
    scale: Annotated[
        str, typer.Option(help="small, paper (for a GPU), or a .json file: docs/experiments.md.")
    ] = "small",
    seed: Annotated[int, typer.Option(min=0, help="Of all that is drawn.")] = 0,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Run an experiment of the paper, and write its tables and plots into a folder.

    The folder gets NAME.json, NAME.csv, NAME.md and plots, and with all index.html, a page of
    everything. Each table has the paper's figures beside those measured. What is computed is kept
    in the folder: a run that was cut off goes on, and experiments share what they need. Parts
    without material are skipped, and the report says why. docs/experiments.md describes each.
    """
    from originid.experiments import (
        ALL,
        ExperimentContext,
        ExperimentInputs,
        open_experiment,
        open_folder,
        run_all,
        run_one,
    )
    from originid.experiments.report.writing import refuse_missing_plots
    from originid.experiments.scale import read_scale

    every = name == ALL
    if not every:
        open_experiment(name)  # a bad name is told before anything is begun
    inputs = ExperimentInputs(data, tuple(vae or ()), pairs, references, read_scale(scale), seed)
    refuse_missing_plots()
    open_folder(output, inputs)
    with progress_bar("working") as progress:
        context = ExperimentContext(inputs, output, latents or output / "latents", progress, _say)
        if every:
            reports, missing = run_all(context, output)
        else:
            reports, missing = [run_one(context, output, name)], {}
    for report in reports:
        print_failures(report.failures, f"{printable(str(output))} lists them")
    if json:
        found = {report.name: report.to_json() for report in reports}
        print_json({"reports": found, "missing": missing} if every else found[reports[0].name])
        return
    if not every:
        _print(reports[0])
    for part, reason in missing.items():
        print(f"not run: {part}: {printable(reason)}")
    page = "index.html" if every else f"{reports[0].name}.md"
    print(f"read {printable(str(output / page))}")


def _say(line: str) -> None:
    print(printable(line), file=sys.stderr, flush=True)


def _print(report: "ExperimentReport") -> None:
    from originid.experiments.report.report import show

    rows = [[printable(show(cell)) for cell in row] for row in report.summary.rows]
    rows.insert(0, list(report.summary.columns))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for first, *others in rows:
        cells = (f"{cell:>{width}}" for cell, width in zip(others, widths[1:], strict=True))
        print("  ".join([f"{first:{widths[0]}}", *cells]).rstrip())
    for part, reason in report.skipped.items():
        print(f"not run: {part}: {printable(reason)}")
