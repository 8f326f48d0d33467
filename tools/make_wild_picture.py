"""Draw what is found of moved edits, from the tables of benchmarks/wild.py in docs/wild.md.

    python tools/make_wild_picture.py

It reads docs/wild.md and writes docs/wild.png. It needs the extra [experiments].
"""

import argparse
import re
from pathlib import Path

import matplotlib.pyplot as plt

DOCS = Path(__file__).parents[1] / "docs"
MARK = "<!-- measured: wild -->"  # before the table that is drawn
QUICK, FOUND, RIGHT = 2, 3, 5  # columns: first as it is, first after a second look, verdict origin


def rows(text: str) -> list[list[str]]:
    """The cells of the table after `MARK`, without its head and its last line, which is `all`."""
    table = text[text.index(MARK) :].split("\n\n")[1].splitlines()
    cells = [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in table[2:]]
    return [line for line in cells if line[0] != "all"]


def main() -> None:
    """Draw three bars for each move."""
    found = rows((DOCS / "wild.md").read_text(encoding="utf-8"))
    figure, axes = plt.subplots(figsize=(9, 3.6), layout="constrained")
    series = (
        (QUICK, "first, searched as it is", "#b8c4d0"),
        (FOUND, "first, with the second look", "#2f6fab"),
        (RIGHT, "verdict origin, at 1 in 1,000", "#1d3d5c"),
    )
    for number, (column, name, colour) in enumerate(series):
        places = [place + 0.27 * (number - 1) for place in range(len(found))]
        axes.bar(places, [float(line[column]) for line in found], 0.25, label=name, color=colour)
    names = [re.sub(r":(\d+)", r" \1", line[0]) for line in found]
    axes.set_xticks(range(len(found)), names, rotation=30, ha="right")
    axes.set_ylabel("% of edits")
    axes.set_ylim(0, 118)
    axes.set_yticks(range(0, 101, 20))
    axes.legend(loc="upper left", ncols=3, frameon=False, fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(DOCS / "wild.png", dpi=110)


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_args()
    main()
