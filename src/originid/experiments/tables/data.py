"""The experiment ``data``: what the data hold, beside the numbers of the paper's Section 3.

It also lists every file that is missing.
"""

from collections import Counter
from pathlib import Path

from originid.datasets import missing_files
from originid.datasets.oripid import GENERATORS
from originid.experiments.harness.context import ExperimentContext
from originid.experiments.report.report import ExperimentReport, Table, TableRow
from originid.images.find_files import find_images, refuse_missing
from originid.types import Failure, Pair

PAPER = {
    "queries": 35_000,
    "origins": 5_000,
    "references": 1_000_000,
    "edits to learn from": 2_000_000,
    "origins to learn from": 100_000,
}
"""The numbers of OriPID (Section 3)."""
SHOWN = 10_000  # missing files that are listed: of a missing folder it would be every file
NOTE = """\
References are the photos, and the origins of the queries that are judged. Where there are no edits
to learn from, methods that learn are judged by cross-validation."""


def run(context: ExperimentContext) -> ExperimentReport:
    """Count what a data set holds, and list the files that are missing.

    It looks at every file, which takes a minute for two million.

    Args:
        context: the data.

    Raises:
        InputError: the data cannot be used.
    """
    data = context.dataset
    learned = data.train or ()
    refuse_missing(data.photos)
    failures: list[Failure] = []
    found = find_images(data.photos, failures.append)
    references = {Path(path).resolve() for path in found}
    counts = {
        "queries": len({pair.query for pair in data.test}),
        "origins": len({pair.origin for pair in data.test}),
        "references": len(references | {pair.origin.resolve() for pair in data.test}),
        "edits to learn from": len({pair.query for pair in learned}),
        "origins to learn from": len({pair.origin for pair in learned}),
    }
    missing = list(missing_files(data))
    rows: list[TableRow] = [(name, counts[name], PAPER[name]) for name in counts]
    rows.append(("files missing", len(missing), None))
    shown: list[TableRow] = [(str(path),) for path in missing[:SHOWN]]
    tables = {"generators": _generators(data.test, data.generator)} if data.generator else {}
    if missing:
        more = f"{len(missing) - SHOWN:,} more are not listed." if len(missing) > SHOWN else ""
        tables["missing"] = Table("Missing files", ("path",), tuple(shown), more)
    return ExperimentReport(
        "data",
        "The data",
        context.inputs,
        Table("What the data hold", ("what", "here", "paper"), tuple(rows), NOTE),
        tables,
        failures=tuple(failures),
        note=data.note,
    )


def _generators(pairs: tuple[Pair, ...], column: str) -> Table:
    """Count the queries of each generator that the data or the paper has."""
    counted = Counter(pair.fields.get(column, "") or "not named" for pair in pairs)
    paper = dict.fromkeys(GENERATORS, PAPER["origins"])
    rows: list[TableRow] = []
    rows += [(name, count, paper.get(name)) for name, count in counted.most_common()]
    rows += [(name, 0, count) for name, count in paper.items() if name not in counted]
    return Table("Queries of each generator", (column, "here", "paper"), tuple(rows))
