"""The picture of what projection.py found."""

from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from originid.types import Json

COLOURS = {"tight": "#1b7837", "all": "#2166ac", "moved": "#b2620a", "redrawn": "#b2182b"}
LABELS = {
    "tight": "layout kept",
    "all": "all edits",
    "moved": "layout moved",
    "redrawn": "subject redrawn",
}


def draw(table: Json, parts: list[Json], folded: Json | None, path: Path) -> None:
    """Draw accuracy, right verdicts and false origins by the number of references, into a PNG.

    Args:
        table: what `originid.scale.expected` reads.
        parts: counts among parts of photos.
        folded: the curve of other pairs that were judged by cross-validation, or None.
        path: the file.
    """
    figure = Figure(figsize=(11, 4.8), layout="constrained")
    grid = figure.add_gridspec(2, 2, width_ratios=(3, 2))
    left = figure.add_subplot(grid[:, 0])
    counted = table["acc"]["all"]["counted"]
    for band, colour in COLOURS.items():
        curve = table["acc"][band]
        _curve(left, curve["points"], colour, f"{LABELS[band]} ({curve['queries']} queries)")
    if folded is not None:
        label = "1,202 earlier edits, cross-validated"
        _curve(left, folded["points"], "#777777", label, "--")
    _dots(left, parts, "acc", COLOURS["all"])
    if parts:
        dot = (parts[-1]["acc"]["references"], parts[-1]["acc"]["value"])
        arrow = {"arrowstyle": "-", "color": "#777777"}
        left.annotate(
            "counted among parts of photos", dot, (5e5, 84.5), arrowprops=arrow, fontsize=8
        )
    left.set_ylim(0, 100)
    left.set_ylabel("origin comes first (Acc), %")
    left.legend(loc="center right", bbox_to_anchor=(1, 0.25), fontsize=7.5)
    top, low = figure.add_subplot(grid[0, 1]), figure.add_subplot(grid[1, 1])
    _curve(top, table["verdicts"]["right"]["points"], COLOURS["all"], "verdict origin, and right")
    _dots(top, parts, "right", COLOURS["all"])
    top.set_ylim(0, 100)
    top.set_ylabel("queries, %")
    top.legend(loc="lower left", fontsize=8)
    false = table["verdicts"]["false"]["points"]
    label = f"given one, of {table['strangers']:,} without an origin"
    _curve(low, [p for p in false if p["references"] <= counted], "#b2182b", label)
    _dots(low, parts, "false", "#b2182b")
    low.axhline(100 * table["stated"], color="#777777", ls="--", lw=1, label="stated, at any size")
    low.set_ylim(-0.02, 0.5)
    low.set_ylabel("queries, %")
    low.legend(loc="upper left", fontsize=8)
    for axes in (left, top, low):
        axes.set_xscale("log")
        axes.set_xlim(1e3, 1e9)
        axes.axvline(counted, color="#777777", ls=":", lw=1)
        axes.grid(alpha=0.3)
    left.text(counted * 1.1, 2, "projected from here on", fontsize=8, color="#555555")
    for axes in (left, low):
        axes.set_xlabel("references")
    figure.savefig(path, dpi=130)


def _dots(axes: Any, parts: list[Json], name: str, colour: str) -> None:
    """Draw what was counted among parts of photos."""
    points = [point[name] for point in parts if name in point]
    sizes, values = ([point[key] for point in points] for key in ("references", "value"))
    axes.plot(sizes, values, "o", color=colour, mfc="white", ms=5)


def _curve(axes: Any, points: list[Json], colour: str, label: str, style: str = "-") -> None:
    """Draw a line with its interval."""
    sizes = [point["references"] for point in points]
    axes.plot(sizes, [point["value"] for point in points], style, color=colour, label=label)
    ends = ([point[end] for point in points] for end in ("low", "high"))
    axes.fill_between(sizes, *ends, color=colour, alpha=0.12, lw=0)
