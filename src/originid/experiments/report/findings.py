"""What reports found, in a few sentences and pictures, for the top of their page."""

from collections.abc import Callable, Mapping, Sequence

from originid.experiments.report.report import Cell, ExperimentReport, Plot, Table, show

SENTENCES = 5
PICTURES = 3
FIRST = (("strength", "acc"), ("figure7", "acc"), ("figure8", "acc"), ("figure9", "acc"))
"""The plots that tell most, as names of experiments and of plots."""
Row = Mapping[str, Cell]


def sentences(reports: Sequence[ExperimentReport]) -> list[str]:
    """Say what was found, in at most `SENTENCES` sentences; what was not measured is left out.

    Args:
        reports: the reports of one folder.
    """
    by_name = {report.name: report for report in reports}
    told = [tell(by_name[name].summary) for name, tell in TELLING if name in by_name]
    return [sentence for sentence in told if sentence][:SENTENCES]


def pictures(reports: Sequence[ExperimentReport]) -> list[tuple[str, Plot]]:
    """Choose at most `PICTURES` plots that show what was found, each with its name on the page.

    Args:
        reports: the reports of one folder.
    """
    plots = {(report.name, key): plot for report in reports for key, plot in report.plots.items()}
    order = dict.fromkeys([key for key in FIRST if key in plots] + list(plots))
    return [(picture_name(*key), plots[key]) for key in list(order)[:PICTURES]]


def picture_name(experiment: str, plot: str) -> str:
    """Return the name by which a plot of an experiment is linked to on the page."""
    return f"picture-{experiment}-{plot}"


def _ours(table: Table) -> str:
    rows = [row for row in _rows(table, "Acc") if row.get("family") == "ours"]
    if not rows:
        return ""
    best = max(rows, key=_number("Acc"))
    interval, projected = best.get("Acc 95 %"), best.get("projected Acc")
    more = f" (95 % interval {interval})" if interval else ""
    later = f"; among a million references it would be {show(projected)} %" if projected else ""
    return (
        f"With {best['model']}, the origin has rank 1 for {show(best['Acc'])} % of the queries"
        f"{more}{later}."
    )


def _public(table: Table) -> str:
    rows = [row for row in _rows(table, "Acc") if row.get("family") != "ours"]
    if not rows:
        return ""
    best = max(rows, key=_number("Acc"))
    return (
        f"Of the public models that were run, {best['model']} is the best, with "
        f"{show(best['Acc'])} %."
    )


def _unseen(table: Table) -> str:
    rows = _rows(table, "unseen Acc")
    maps = [row for row in rows if ", map " in str(row["method"])]
    alone = [row for row in maps if "all generators" not in str(row["method"])]
    networks = [row for row in rows if row not in maps]
    if not alone or not networks:
        return ""
    best = max(alone, key=_number("unseen Acc"))
    other = max(networks, key=_number("unseen Acc"))
    return (
        f"For edits by generators that it did not learn from, {best['method']}, finds "
        f"{show(best['unseen Acc'])} %; the best network that was trained on images, "
        f"{other['method']}, finds {show(other['unseen Acc'])} %."
    )


def _strength(table: Table) -> str:
    learned = [row for row in _rows(table, "0.5") if row.get("learned from") != "no map"]
    learned = [row for row in learned if isinstance(row.get("0.9"), int | float)]
    if not learned:
        return ""
    middle, high = (_span([row[column] for row in learned]) for column in ("0.5", "0.9"))
    return (
        f"An edit of strength 0.5 is found in {middle} % of the cases, and one of strength 0.9, "
        f"which keeps little of the photo, in {high} %."
    )


def _attacks(table: Table) -> str:
    rows = _rows(table, "Acc")
    plain = [row for row in rows if row.get("attack") == "none"]
    attacked = [row for row in rows if row.get("attack") != "none"]
    if not plain or not attacked:
        return ""
    worst = min(attacked, key=_number("Acc"))
    return (
        f"Of {len(attacked)} ways to degrade a query, {worst['attack']} does the most harm: "
        f"Acc goes from {show(plain[0]['Acc'])} to {show(worst['Acc'])} %."
    )


def _misses(table: Table) -> str:
    rows = _rows(table, "with a miss")
    if not rows:
        return ""
    best = min(rows, key=_number("with a miss"))
    return (
        f"Of {show(best.get('origin groups'))} groups of origins, {show(best['with a miss'])} have "
        f"an edit that {best['method']} misses."
    )


TELLING: tuple[tuple[str, Callable[[Table], str]], ...] = (
    ("table2", _ours),
    ("table2", _public),
    ("table3", _unseen),
    ("strength", _strength),
    ("figure7", _attacks),
    ("failures", _misses),
)
"""What is said of which experiment, the most important first."""


def _rows(table: Table, column: str) -> list[Row]:
    """The rows of a table that have a number in a column, by the names of the columns."""
    rows = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    return [row for row in rows if isinstance(row.get(column), int | float)]


def _number(column: str) -> Callable[[Row], float]:
    def number(row: Row) -> float:
        """Return the number that a row has in the column."""
        return float(row[column] or 0)

    return number


def _span(values: Sequence[Cell]) -> str:
    numbers = [float(value or 0) for value in values]
    low, high = show(min(numbers)), show(max(numbers))
    return low if low == high else f"{low} to {high}"
