"""originid plan: what a number of references needs, before they are there."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from originid.cli.output import JsonOption, print_json
from originid.errors import UsageError
from originid.system.text import counted, printable

if TYPE_CHECKING:
    from originid.scale.plan import Figure, Plan

LEAST_QUERIES = 0.001  # a second; 86 a day
MOST_QUERIES = 1e6  # a second; the whole world's photos are shared at some 100,000 a second

ReferencesOption = Annotated[
    str, typer.Option(metavar="N", help="Plan for as many references, such as 1e9 or 250000.")
]
QueriesOption = Annotated[
    str, typer.Option(metavar="Q", help="Plan for as many queries a second; 0.1 is one in 10 s.")
]
PricesOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Use the machine and the prices of this JSON file, which has the entries of the "
        "packaged one (docs/plan.md).",
    ),
]
LABELS = {
    "disk_bytes": "disk",
    "disk_bytes_each": "  one more reference",
    "disk_bytes_compact": "  with fewer bits",
    "memory_bytes": "memory",
    "memory_bytes_each": "  one more reference",
    "memory_bytes_compact": "  with fewer bits",
    "machines": "machines",
    "images_per_second": "images read, encoded, stored",
    "build_hours": "  time for all of them",
    "cost_per_million": "  a million of them cost",
    "images_per_second_large": "large images",
    "build_hours_large": "  time for all of them",
    "cost_per_million_large": "  a million of them cost",
    "index_seconds": "making the index anew",
    "query_seconds": "one query",
    "query_ns_each": "  one more reference",
    "queries_per_second": "queries, at most",
    "queries_per_second_in_batches": "  in batches",
    "cost_per_thousand_queries": "a thousand queries cost",
    "recall": "recall@1 of the search",
    "acc_all": "origin comes first (Acc)",
    "acc_tight": "  edits that keep the layout",
    "acc_moved": "  edits that move it",
    "acc_redrawn": "  edits that redraw it",
    "verdict_right": "verdict origin, and right",
    "verdict_wrong": "verdict origin, and wrong",
    "verdict_false": "false origins, counted",
    "stated_rate": "false origins, stated",
    "false_origins": "  at this load, at most",
}


def plan(
    references: ReferencesOption,
    queries_per_second: QueriesOption = "1",
    prices: PricesOption = None,
    json: JsonOption = False,
) -> None:
    """Say what a number of references needs: bytes, machines, time, cost, accuracy.

    Nothing is measured now: the figures come from benchmarks whose results originid carries. Each
    says whether it was measured at this size, extrapolated, or assumed.
    """
    from originid.scale.choice import MOST
    from originid.scale.expected import read_expected
    from originid.scale.plan import make_plan
    from originid.scale.tables import FOLDER, read_constants, read_prices

    count = read_number("--references", references, 1, MOST)
    if count != int(count):
        raise _wrong("--references", references, "a whole number", "1e9")
    queries = read_number("--queries-per-second", queries_per_second, LEAST_QUERIES, MOST_QUERIES)
    made = make_plan(
        int(count),
        queries,
        read_constants(),
        read_expected(),
        read_prices(prices or FOLDER / "prices.json"),
    )
    if json:
        print_json(made.to_json())
    else:
        _print(made)


def read_number(option: str, text: str, least: float, most: float) -> float:
    """Return the number that an option states.

    Args:
        option: the name of the option.
        text: a number such as ``1e9``, ``1000000``, ``1_000_000`` or ``1,000,000``.
        least: the smallest number that is allowed.
        most: the largest.

    Raises:
        UsageError: it is something else.
    """
    try:
        number = float(text.replace(",", ""))
    except ValueError:
        number = math.nan
    if not least <= number <= most:
        example = "1e9" if option == "--references" else "100"
        raise _wrong(option, text, f"a number from {least:,.15g} to {most:,.15g}", example)
    return number


def _wrong(option: str, text: str, expected: str, example: str) -> UsageError:
    return UsageError(f"{option} {text}", f"expected {expected}", f"for example {option} {example}")


def _print(plan: "Plan") -> None:
    from originid.scale.choice import a_second

    size = counted(plan.references, "reference")
    print(f"{size}, {a_second(plan.queries_per_second)}\n")
    print(f"engine: {plan.choice.engine}: {plan.choice.why}")
    for name, remark in plan.choice.others.items():
        print(f"  {name}: {remark}")
    print()
    rows = [
        (LABELS[each.name], printable(told(each)), printable(_origin(each)))
        for each in plan.figures
    ]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    for label, value, origin in rows:
        print(f"{label:{widths[0]}}  {value:>{widths[1]}}  {origin}")
    print("\nwhat was tested, and what was not:")
    for sentence in plan.tested:
        print(f"- {printable(sentence)}")


def _origin(figure: "Figure") -> str:
    """What a figure rests on, in words."""
    return figure.basis.value + (f": {figure.note}" if figure.note else "")


def told(figure: "Figure") -> str:
    """Return a figure with its unit, as a person reads it."""
    if figure.value is None:
        return "-"
    if figure.unit == "bytes":
        return in_bytes(figure.value)
    if figure.unit in ("seconds", "hours"):
        return duration(figure.value * (1 if figure.unit == "seconds" else 3600))
    if figure.unit == "%":
        interval = "" if figure.low is None else f" ({figure.low:.1f} to {figure.high:.1f})"
        return f"{figure.value:.1f} %{interval}"
    return f"{_number(figure.value)} {figure.unit}".rstrip()


def in_bytes(size: float) -> str:
    """Return a number of bytes in the largest unit of which it has at least one."""
    for unit, factor in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= factor:
            return f"{_number(size / factor)} {unit}"
    return f"{size:.0f} bytes"


def duration(seconds: float) -> str:
    """Return a time in the largest unit of which it has at least one."""
    for unit, factor in (("days", 86400 * 2), ("h", 3600.0), ("min", 60.0), ("s", 1.0)):
        if seconds >= factor:
            return f"{_number(seconds / min(factor, 86400))} {unit}"
    return f"{_number(seconds * 1000)} ms"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
