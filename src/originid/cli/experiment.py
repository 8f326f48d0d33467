"""originid experiment: run an experiment of the paper and write its report."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from originid.cli.output import JsonOption, print_failures, print_json, progress_bar
from originid.errors import UsageError
from originid.system.text import printable

if TYPE_CHECKING:
    from originid.experiments import ExperimentReport

NAMES = (
    "data, table1 to table11, figure7 to figure9, strength, failures, discrepancy, theory, or all "
    "for all of them"
)

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help=f"Run this experiment: {NAMES}.")]
OutputOption = Annotated[
    Path,
    typer.Option(
        "-o",
        "--output",
        help="Write the reports into this folder, a new one or one that was begun with the same "
        "options.",
    ),
]
DataOption = Annotated[
    str,
    typer.Option(
        metavar="NAME[:FOLDER]",
        help="Use this data set: realpairs, oripid, disc21, seed-data-edit or pairs. Without "
        "FOLDER it is searched in the folder that ORIGINID_DATA names.",
    ),
]
VaeOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="DIR_OR_ID",
        help="Use this VAE, a folder or a Hugging Face id. It may be given several times; the "
        "first one stands for the paper's.",
    ),
]
BaselineOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME:SOURCE",
        help="Load the weights of this public model, a row of Tables 2 and 9, from a file, a "
        "folder or a Hugging Face id. It may be given several times; docs/baselines.md has the "
        "names.",
    ),
]
PairsOption = Annotated[
    Path | None,
    typer.Option(
        metavar="PAIRS.csv", help="Use the pairs of this manifest, instead of a data set."
    ),
]
ReferencesOption = Annotated[
    Path | None, typer.Option(help="Use the photos of this folder, instead of a data set.")
]
LatentsOption = Annotated[
    Path | None,
    typer.Option(
        help="Keep latents in this folder, and read those that are there. The default is "
        "OUTPUT/latents."
    ),
]
ScaleOption = Annotated[
    str,
    typer.Option(
        help="Run at this scale: small (for two cores), paper (for a GPU), or a .json file, which "
        "docs/experiments.md describes."
    ),
]
SeedOption = Annotated[
    int, typer.Option(min=0, help="Draw everything random with this seed; at least 0.")
]


def experiment(
    name: NameArgument,
    output: OutputOption,
    data: DataOption = "",
    vae: VaeOption = None,
    baseline: BaselineOption = None,
    pairs: PairsOption = None,
    references: ReferencesOption = None,
    latents: LatentsOption = None,
    scale: ScaleOption = "small",
    seed: SeedOption = 0,
    json: JsonOption = False,
) -> None:
    """Run an experiment of the paper, and write its tables and plots into a folder.

    The folder gets the files NAME.json, NAME.csv, NAME.md and plots. With the name all it also gets
    index.html, one page of everything. Tables have the paper's values beside those measured here.
    The folder keeps what is computed, so that a run that was cut off goes on from there, and
    experiments share results. A part that lacks data or packages is skipped, and the report says
    why. docs/experiments.md describes each experiment.
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
        open_experiment(name)  # a wrong name is an error before anything is begun
    inputs = ExperimentInputs(
        data,
        tuple(vae or ()),
        pairs,
        references,
        read_scale(scale),
        seed,
        dict(_named(each) for each in baseline or ()),
    )
    # Plots are drawn last, so it is checked first that they can be drawn.
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


def _named(text: str) -> tuple[str, str]:
    """The name of a public model and the source of its weights."""
    name, _, source = text.removeprefix("baseline:").partition(":")
    if not source:
        raise UsageError(
            f"--baseline {text}",
            "expected the name of a public model and the source of its weights",
            "such as --baseline simsiam:checkpoint_0099.pth.tar",
        )
    return name, source
