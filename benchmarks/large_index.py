"""The scan of an index with very many references: time to build, memory, and time of a query.

usage: python benchmarks/large_index.py [--references 10000000] [--dim 1999] [--folder FOLDER]

The vectors are random, and every 4,096 references have the same ones, so that making them takes no
time. So this tells nothing of recall (search.py does). Nothing is stored in a database: a query
is rotated and scanned, in both stages, and not scored at last, which takes as long for many
references as for few. Numbers lie in files without a name in the folder, 1,008 bytes a reference
of 1,999 dims, which the system frees at the end. Times are of processors, all cores together.
"""

import argparse
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np

from originid.index import Codec
from originid.index.numbers import keys_of, rows_of
from originid.index.signs import PART
from originid.index.stages import StagedScan
from reporting import figure, machine, peak_memory

DISTINCT = 4096  # vectors
QUERIES = 20
FOUND = 100  # references that are returned for each query, to be scored


def fill(scan: StagedScan, count: int) -> float:
    """Add references, and return the seconds of the processor that the scan took for them.

    Args:
        scan: an empty scan.
        count: the number of references.
    """
    units = Codec(scan.bits).rotate(
        np.random.default_rng(0).standard_normal((DISTINCT, scan.bits), np.float32)
    )
    first, took = np.arange(DISTINCT).repeat(PART // DISTINCT), 0.0
    signs = np.packbits(units > 0, axis=1, bitorder="little")[first]
    rows = rows_of(units, np.arange(DISTINCT))[first]
    for start in range(0, count, PART):
        ids = np.arange(start, min(start + PART, count))
        own = rows[: len(ids)].copy()
        # The checksum of the same numbers for another id.
        own.view("<u4")[:, -1] += keys_of(ids) - keys_of(first[: len(ids)])
        begun = time.process_time()
        scan.add(ids, np.hstack([signs[: len(ids)], own]))
        took += time.process_time() - begun
    return took


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--references", type=int, default=10_000_000)
    parser.add_argument("--dim", type=int, default=1999)
    parser.add_argument("--first", type=int, default=16_384, help="looked at by their numbers")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    options = parser.parse_args()
    scan = StagedScan(options.dim, PART, options.folder)
    took = fill(scan, options.references)
    queries = Codec(options.dim).rotate(
        np.random.default_rng(1).standard_normal((QUERIES, options.dim), np.float32)
    )
    cpu, wall = [], []
    for row in range(QUERIES):
        begun, clock = time.process_time(), time.perf_counter()
        scan.best(queries[row : row + 1], options.first, FOUND)
        cpu.append(1e3 * (time.process_time() - begun))
        wall.append(1e3 * (time.perf_counter() - clock))
    print(f"{machine('numpy', 'faiss-cpu')}\n")
    print(f"{len(scan):,} references of {options.dim:,} dims")
    print(f"added in {figure(took)} s; at most {peak_memory() / 2**30:.2f} GB of memory")
    print(f"a query: {figure(median(cpu))} ms of processors, {figure(median(wall))} ms")


if __name__ == "__main__":
    main()
