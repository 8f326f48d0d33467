"""Time and memory of the exact ranking of queries among more references than fit in memory.

usage: python benchmarks/ground_truth.py [--queries 500] [--references 100000] [--dim 512]
           [--block 20000] [--folder FOLDER] [--json]

Random unit vectors are written to a file (2 GB for a million of 512 dims) and read block by block,
as those of a real collection would be. The time grows with queries x references x dim. The last
line says what 5,000 queries among 1,000,000 references would take at the same rate. That is an
extrapolation, unless so many were measured.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from originid.evaluation.protocol import Truth, rank_streaming
from originid.maps import unit_length
from originid.types import Vectors
from reporting import figure, machine, peak_memory

WRITTEN = 1_000  # vectors made at once, so that ranking sets the peak of memory
PAPER = 5_000 * 1_000_000  # queries x references


@dataclass(frozen=True)
class VectorFile:
    """Vectors in a file, which are read block by block, as often as needed.

    Args:
        path: the file, float32.
        dim: the number of dimensions of a vector.
        block: the number of vectors of a block.
    """

    path: Path
    dim: int
    block: int

    def __iter__(self) -> Iterator[Vectors]:
        with self.path.open("rb") as file:
            while (values := np.fromfile(file, np.float32, self.block * self.dim)).size:
                yield values.reshape(-1, self.dim)


def write_references(path: Path, count: int, dim: int, block: int) -> VectorFile:
    """Write random unit vectors. The same count gives the same vectors.

    Args:
        path: the file to write.
        count: the number of vectors.
        dim: the number of dimensions of a vector.
        block: the number of vectors that are read at once later.
    """
    rng = np.random.default_rng(0)
    with path.open("wb") as file:
        for start in range(0, count, WRITTEN):
            rows = min(WRITTEN, count - start)
            unit_length(rng.standard_normal((rows, dim), np.float32)).tofile(file)
    return VectorFile(path, dim, block)


def make_queries(references: VectorFile, count: int, total: int) -> tuple[Vectors, Truth]:
    """Make queries near references that are spread over all blocks.

    Args:
        references: the file of the references.
        count: the number of queries.
        total: the number of references.

    Returns:
        The vectors of the queries, float32 (count, dim), and which reference each should find.
    """
    rows = np.linspace(0, total - 1, count).astype(np.int64)
    noise = np.random.default_rng(1).standard_normal((count, references.dim), np.float32)
    bytes_each = 4 * references.dim
    found = [
        np.fromfile(references.path, np.float32, references.dim, offset=bytes_each * row)
        for row in rows.tolist()
    ]
    queries = unit_length(np.stack(found) + 6 * unit_length(noise))
    nothing = np.zeros(0, np.int64)
    return queries, Truth(tuple(rows[:, None]), (nothing,) * count)


def main() -> None:
    """Measure one size and print it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--queries", type=int, default=500)
    parser.add_argument("--references", type=int, default=100_000)
    parser.add_argument("--dim", type=int, default=512)
    parser.add_argument("--block", type=int, default=20_000, help="references held at once")
    parser.add_argument("--folder", type=Path, help="where the vectors are written for a while")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        path = Path(folder) / "references"
        references = write_references(path, options.references, options.dim, options.block)
        queries, truth = make_queries(references, options.queries, options.references)
        before = peak_memory()
        start = time.perf_counter()
        ranking = rank_streaming(queries, references, truth)
        seconds = time.perf_counter() - start
    pairs = options.queries * options.references
    result = {
        "machine": machine("numpy"),
        "queries": options.queries,
        "references": options.references,
        "dim": options.dim,
        "seconds": round(seconds, 2),
        "pairs_per_second": round(pairs / seconds),
        "peak_bytes": peak_memory(),
        "peak_bytes_before": before,
        "acc": float((ranking.ranks == 1).mean()),
        "seconds_5000_x_1000000": round(PAPER / pairs * seconds),
    }
    if options.json:
        print(json.dumps(result))
        return
    print(result["machine"])
    print(
        f"{options.queries:,} queries x {options.references:,} references x {options.dim} dims: "
        f"{figure(seconds)} s, {figure(seconds / pairs * 1e9)} ns a pair, "
        f"{figure(peak_memory() / 1e6)} MB at most, {figure(before / 1e6)} MB before"
    )
    extrapolated = "" if pairs >= PAPER else ", extrapolated"
    print(f"5,000 x 1,000,000{extrapolated}: {figure(PAPER / pairs * seconds / 60)} min")


if __name__ == "__main__":
    main()
