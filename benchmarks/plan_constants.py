"""Measure what `originid plan` reckons with, and write the table that the package carries.

usage: python benchmarks/plan_constants.py PHOTOS -o src/originid/data/plan/constants.json
           [--references 1000 10000 100000 1000000] [--search FILE] [--indexing FILE]
           [--engine NAME=FILE ...] [--remark TEXT]

It runs benchmarks/indexing.py and benchmarks/search.py on one core of this machine, whose other
cores should be idle. A million references need 8 GB of disk, 5 GB of memory and about 20 minutes.
What these benchmarks printed with --json before can be given instead: --search and --indexing. The
rows of other engines come with --engine: what benchmarks/search.py prints of a folder with fewer
bits (compact), and benchmarks/engines.py of servers (postgresql, milvus). An engine that is not
given keeps what the table has of it. --remark says what else the machine did.
"""

import argparse
import datetime
import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from originid import __version__
from originid.model import DEFAULT, open_model
from originid.scale.tables import ENGINES, FORMAT, read_constants
from originid.types import Json
from reporting import machine

HERE = Path(__file__).parent
MEGABYTE = 2**20  # of benchmarks/search.py
KINDS = {
    "photos": "JPEGs of 256 pixels on the short side",
    "12 megapixels": "JPEGs of 12 megapixels",
}


def on_one_core(script: str, *arguments: str) -> str:
    """Run a benchmark on one core, and return what it printed.

    Args:
        script: its name in this folder.
        arguments: its arguments.
    """
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})  # children inherit it
    one = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    command = [sys.executable, os.fspath(HERE / script), *arguments, "--json"]
    done = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, text=True, env={**os.environ, **one}
    )
    return done.stdout


def points(text: str) -> list[Json]:
    """Turn rows of benchmarks/search.py, or of engines.py, into points of the table.

    The memory of a server is that of its processes; its index is made while references are added.

    Args:
        text: the rows, one JSON object a line.

    Returns:
        A point for each size, ascending; of several rows of a size, the last one counts.
    """
    rows = {row["references"]: row for row in map(json.loads, filter(None, text.splitlines()))}
    return [
        {
            "references": size,
            "disk_bytes": round(row["disk_mb"] * MEGABYTE),
            "memory_bytes": round(row["server_mb" if "server_mb" in row else "peak_mb"] * MEGABYTE),
            "query_s": row["single_ms"] / 1e3,
            "batch_s": 1 / row["queries_per_s"],
            "build_s": row["build_s" if "build_s" in row else "first_open_s"],
            "recall": row["recall_at_1"],
        }
        for size, row in sorted(rows.items())
    ]


def embedding(text: str) -> list[Json]:
    """Turn what benchmarks/indexing.py printed into the rates of the table.

    Args:
        text: one JSON object, measured with one worker.

    Raises:
        ValueError: if it was measured with several workers.
    """
    printed = json.loads(text)
    if printed["workers"] != 1:
        raise ValueError(f"{printed['workers']} workers; the rate of one core is needed")
    return [
        {
            "kind": kind,
            "images": printed[name]["images"],
            "per_second": printed[name]["images_per_s"],
        }
        for name, kind in KINDS.items()
    ]


def storing(text: str) -> float:
    """Return the images a second that one process maps and stores, as indexing.py printed."""
    photos = json.loads(text)["photos"]
    return float(photos["images"] / photos["store_s"])


def before(path: Path) -> Json:
    """Return the engines of the table that is there already, or none."""
    if not path.exists():
        return {}
    engines: Json = json.loads(path.read_text(encoding="utf-8"))["engines"]
    return engines


def table(
    search: str, indexing: str, others: Iterable[tuple[str, str]], path: Path, where: str
) -> Json:
    """Return the whole table.

    Args:
        search: what benchmarks/search.py printed.
        indexing: what benchmarks/indexing.py printed.
        others: the names of further engines and their rows.
        path: the table that is there already, whose other engines stay.
        where: the machine in words.
    """
    engines = {**dict.fromkeys(ENGINES), **before(path), "folder": points(search)}
    return {
        "format": FORMAT,
        "date": datetime.date.today().isoformat(),
        "version": __version__,
        "machine": where,
        "model": DEFAULT,
        "dim": open_model().dim,
        "embedding": embedding(indexing),
        "storing_per_second": storing(indexing),
        "engines": {**engines, **{name: points(text) for name, text in others}},
    }


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("photos", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    sizes = ["1000", "10000", "100000", "1000000"]
    parser.add_argument("--references", nargs="+", default=sizes)
    parser.add_argument("--search", type=Path)
    parser.add_argument("--indexing", type=Path)
    parser.add_argument("--engine", action="append", default=[], metavar="NAME=FILE")
    parser.add_argument("--remark", help="what is added to the machine in words")
    options = parser.parse_args()
    others = []
    for name, _, file in (each.partition("=") for each in options.engine):
        if name not in ENGINES:
            parser.error(f"--engine {name}: expected one of {', '.join(ENGINES)}, then =FILE")
        others.append((name, Path(file).read_text(encoding="utf-8")))
    where = machine("numpy", "faiss-cpu", "pillow")  # before the cores are given up
    where += f"; {options.remark}" if options.remark else ""
    indexing = (
        options.indexing.read_text(encoding="utf-8")
        if options.indexing
        else on_one_core("indexing.py", os.fspath(options.photos), "--workers", "1")
    )
    search = (
        options.search.read_text(encoding="utf-8")
        if options.search
        else on_one_core("search.py", "--references", *options.references)
    )
    made = table(search, indexing, others, options.output, where)
    options.output.write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")
    read_constants(options.output)  # so that the package can read what was written


if __name__ == "__main__":
    main()
