"""Draw how search grows with the references: time, memory and disk, from what search.py printed.

usage: python benchmarks/search.py --references 1000 10000 100000 1000000 --json > rows.jsonl
       python benchmarks/search.py --references 10000000 --alone --json >> rows.jsonl
       python benchmarks/growth.py rows.jsonl FILE.png

Each line of the file is a row of search.py. All axes are logarithmic, so that a line at 45 degrees
grows in step with the references. It needs matplotlib (the extra `experiments`).
"""

import argparse
import json
from pathlib import Path

from originid.types import Json

PANELS = {
    "one query, ms": {"single_ms": "originid", "numpy_single_ms": "numpy, 512 float32"},
    "one of 200 queries, ms": {"batch_ms": "originid", "numpy_batch_ms": "numpy, 512 float32"},
    "MB": {
        "peak_mb": "memory of a search",
        "making_mb": "memory while stored",
        "disk_mb": "disk",
    },
    "seconds": {"first_open_s": "first opening", "open_s": "opening"},
}


def read_rows(path: Path) -> list[Json]:
    """Return the rows of a file of search.py, by the number of references.

    Args:
        path: the file, with a JSON object in each line.
    """
    rows: list[Json] = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    for row in rows:
        for name in ("", "numpy_"):
            pair = row.get(f"{name}pair_ns")  # with --alone there is none of numpy
            row[f"{name}batch_ms"] = None if pair is None else pair * row["references"] / 1e6
    return sorted(rows, key=lambda row: row["references"])


def draw(rows: list[Json], path: Path) -> None:
    """Draw a panel for each kind of figure into a PNG file.

    Args:
        rows: what `read_rows` returns.
        path: the file.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 6.5), layout="constrained")
    for axes, (title, lines) in zip(figure.subplots(2, 2).flat, PANELS.items(), strict=True):
        for key, label in lines.items():
            points = [(row["references"], row[key]) for row in rows if row.get(key) is not None]
            axes.plot(*zip(*points, strict=True), marker="o", label=label)
        axes.set(xscale="log", yscale="log", xlabel="references", title=title)
        axes.grid(alpha=0.3)
        axes.legend()
    figure.savefig(path, dpi=120)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("rows", type=Path)
    parser.add_argument("plot", type=Path)
    options = parser.parse_args()
    draw(read_rows(options.rows), options.plot)


if __name__ == "__main__":
    main()
