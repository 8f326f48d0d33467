"""originid experiment: run an experiment of the paper and write its report."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from originid.cli.output import print_failures, print_json, progress_bar
from originid.text import printable

if TYPE_CHECKING:
    from originid.experiments import Report


def experiment(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Which one: theory.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="A new folder for the report.")],
    vae: Annotated[
        list[str] | None,
        typer.Option(
            metavar="DIR_OR_ID", help="A VAE, folder or hub id; may be given several times."
        ),
    ] = None,
    pairs: Annotated[
        Path | None, typer.Option(metavar="PAIRS.csv", help="The manifest of pairs.")
    ] = None,
    references: Annotated[Path | None, typer.Option(help="Folder of photos.")] = None,
    images: Annotated[int, typer.Option(min=1, help="How many of the photos are used.")] = 200,
    seed: Annotated[int, typer.Option(min=0, help="Of all that is drawn.")] = 0,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Run an experiment of the paper, and write its tables and plots into a folder.

    The folder gets NAME.json, NAME.md and plots. Each table has the paper's figures beside those
    measured. Parts without material are skipped, and the report says why.

    theory: both sides of Lemma 1 on the schedulers of diffusers, the distance that Theorem 1 says
    shrinks, the singular values of Observation 1 with controls, the VAE differences of Table 4.
    """
    from originid.experiments import Inputs, open_experiment, write_report
    from originid.experiments.report import refuse_missing_plots
    from originid.storage import refuse_existing

    chosen = open_experiment(name)
    inputs = Inputs(tuple(vae or ()), pairs, references, images, seed)
    refuse_existing(output)
    refuse_missing_plots()
    with progress_bar("encoding") as progress:
        report = chosen(inputs, progress)
    write_report(output, report)
    print_failures(report.failures, f"{printable(str(output))} lists them")
    if json:
        print_json(report.to_json())
    else:
        _print(report, output)


def _print(report: "Report", output: Path) -> None:
    from originid.experiments.report import show

    rows = [[printable(show(cell)) for cell in row] for row in report.summary.rows]
    rows.insert(0, list(report.summary.columns))
    width = [max(len(row[column]) for row in rows) for column in range(3)]
    for row in rows:
        print(f"{row[0]:{width[0]}}  {row[1]:>{width[1]}}  {row[2]:>{width[2]}}".rstrip())
    for part, reason in report.skipped.items():
        print(f"not run: {part}: {printable(reason)}")
    print(f"read {printable(str(output / report.name))}.md")
