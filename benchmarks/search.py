"""Search among many references: time, memory and recall, beside a plain product in numpy.

usage: python benchmarks/search.py [--references 1000000...] [--dim 1999...] [--queries 1000]
           [--cpu] [--alone] [--compact] [--folder FOLDER]
           [--json]

The result has a row for each number of references and each number of dims. Vectors are drawn that
resemble those of real images (image_vectors.py). They are stored in a collection in a temporary
folder, which is deleted at the end. New processes open the collection. The first of them makes the
index file, and later ones read it; one of these finds the collection's files taken out of the
system's cache. A child process that does nothing else searches. Single queries and batches of 200
take turns with numpy: its plain product over as many vectors of 512 float32, the paper's size, and
the ten best scores. A time is the median over the turns, and a ratio the median of the turns'
ratios. All files are in the system's cache then. With --cpu the times of searches are those that
the processors worked, all cores together, which other work on the machine disturbs less.

The paper needs 0.53e-10 s for a pair of 512 dims, which is 19.3 TFLOPS on its GPUs. The column
"paper, here" is what a pair would cost at the speed of numpy's product of two square matrices in
this run. Recall is the share of the best reference (of the ten best ones), by the exact float
product of the full vectors, that the search returns. "peak while made" is the memory of the process
that stored the references and made the index. "after a change" is the time of the first query after
another process removed 100 references and added them again.

A million references of 2,106 dims need 5 GB of disk, 4 GB of memory (for numpy's part) and, on two
cores, about 7 minutes. With --alone nothing is compared with numpy: that of ten million would need
20 GB of memory, and their collection needs 62 GB of disk while it is made.
"""

import argparse
import hashlib
import itertools
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from statistics import median

import numpy as np

from image_vectors import Universe
from originid.collection.collection import create_collection, open_collection
from originid.collection.row import Row
from originid.index.scan_index import FILE as INDEX
from originid.maps import DctBasis, DctMap
from originid.model import open_model, save_model
from originid.types import Ids, Image, Json, Latents, Vectors
from reporting import figure, machine, peak_memory
from search_process import TOP, Searcher
from search_turns import in_turn, numpy_top, ratio, seconds

BATCH = 200
SINGLES, BATCHES = 41, 5  # timed, each beside one of numpy's
OPENINGS = 3
CHANGED = 100  # references that are removed and added again
NUMPY_DIM = 512  # the paper's vectors
RANK = 512  # of the map, as of the packaged one: opening a collection reads it
SIDE = 1024  # of a block of a latent at most
SQUARE = 2048  # side of the matrices whose product tells this machine's speed

Clock = Callable[[], float]

OPEN = """
import sys, time
from originid.collection.collection import open_collection
start = time.perf_counter()
with open_collection(sys.argv[1]) as collection:
    collection.index()
    print(time.perf_counter() - start)
"""

COLUMNS = {
    "references": "references",
    "dim": "dim",
    "first_open_s": "first open, s",
    "open_s": "open, s",
    "uncached_open_s": "open from disk, s",
    "process_s": "process to open, s",
    "peak_mb": "peak MB",
    "making_mb": "peak while made, MB",
    "disk_mb": "disk MB",
    "changed_ms": "after a change, ms",
    "single_ms": "1 query, ms",
    "single_vs_numpy": "times numpy",
    "queries_per_s": "queries/s, by 200",
    "pair_ns": "ns a pair",
    "pair_vs_numpy": "times numpy",
    "paper_pair_ns": "paper, here",
    "pair_vs_paper": "times paper",
    "recall_at_1": "recall@1",
    "recall_at_10": "recall@10",
}


class Nobody:
    """The encoder of made-up vectors, which nobody asks for a latent.

    Args:
        dim: the number of components that its latents would have.
    """

    spec, identity, size = "python:search:Nobody", "nobody", 1

    def __init__(self, dim: int) -> None:
        self.shapes = tuple((1, 1, min(SIDE, dim - start)) for start in range(0, dim, SIDE))
        self.cutoffs = (np.inf,) * len(self.shapes)

    def encode(self, images: Image) -> Latents:
        """Refuse to encode images."""
        raise NotImplementedError


def row_of(key: int) -> Row:
    """Return the metadata of an imaginary photo; ``key`` is its number, from 1."""
    name, sha256 = f"photos/{key // 1000:04}/{key:08}.jpg", hashlib.sha256(str(key).encode())
    return Row(f"/home/someone/{name}", name, sha256.digest(), 2_500_000, key, 4000, 3000)


def build(universe: Universe, folder: Path, queries: int, compact: bool) -> tuple[Vectors, float]:
    """Store every reference in a collection, and return queries that are made from some of them.

    Args:
        universe: what draws the vectors.
        folder: the folder of the collection, which does not exist yet.
        queries: the number of queries, q.
        compact: whether the collection is compact.

    Returns:
        float32 (q, dim), of unit length; and the most MB of memory that this process ever occupied.
    """
    rng = np.random.default_rng(4)
    places = np.sort(rng.choice(universe.count, queries, replace=queries > universe.count)) + 1
    ones = np.ones(universe.dim, np.float32)
    directions = rng.standard_normal((min(RANK, universe.dim), universe.dim), np.float32)
    nobody = Nobody(universe.dim)
    basis = DctBasis(nobody.shapes, nobody.cutoffs)
    linear = DctMap(basis, 0 * ones, ones, directions, ones[: len(directions)], ones)
    edits = []
    with tempfile.TemporaryDirectory() as name:
        model = save_model(Path(name) / "model", nobody, linear, open_model().calibration, {})
        with create_collection(folder, model, compact=compact) as collection:
            for ids, vectors in universe.blocks():
                collection.add_vectors([row_of(key) for key in ids.tolist()], vectors)
                edits.append(universe.edit(vectors[places[np.isin(places, ids)] - ids[0]], rng))
                report(f"stored {ids[-1]:,} of {universe.count:,}")
            report("making the index")
            collection.index()
    return np.concatenate(edits), peak_memory() / 2**20


def exact(universe: Universe, queries: Vectors) -> Ids:
    """Return the ids of the best references by the float product of the full vectors.

    Args:
        universe: what draws the vectors of the references.
        queries: the vectors of the queries, float32 (q, dim).

    Returns:
        int64 (q, TOP), the best reference first.
    """
    scores = np.full((len(queries), TOP), -np.inf, np.float32)
    best = np.full((len(queries), TOP), -1, np.int64)
    for ids, vectors in universe.blocks():
        cosines = queries @ vectors.T
        for row in np.flatnonzero(cosines.max(axis=1) > scores[:, -1]):
            all_scores = np.concatenate([scores[row], cosines[row]])
            order = np.argsort(-all_scores, kind="stable")[:TOP]
            scores[row] = all_scores[order]
            best[row] = np.concatenate([best[row], ids])[order]
        report(f"exact search: {ids[-1]:,} of {universe.count:,}")
    return best


def open_once(folder: Path) -> tuple[float, float]:
    """Return the seconds in which a new process opens a collection, and those that it lives."""
    start = time.perf_counter()
    command = [sys.executable, "-c", OPEN, os.fspath(folder)]
    printed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return float(printed), time.perf_counter() - start


def forget(folder: Path) -> None:
    """Take the files of a folder out of the system's cache."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def measure_opening(folder: Path) -> Json:
    """Return the times of opening a collection, in seconds, and its size on disk, in MB."""
    (folder / INDEX).unlink()
    first, _ = open_once(folder)
    uncached = None
    if hasattr(os, "posix_fadvise"):
        forget(folder)
        uncached, _ = open_once(folder)
    later = [open_once(folder) for _ in range(OPENINGS)]
    return {
        "first_open_s": first,
        "open_s": median(own for own, _ in later),
        "uncached_open_s": uncached,
        "process_s": median(whole for _, whole in later),
        "disk_mb": sum(f.stat().st_size for f in folder.rglob("*") if f.is_file()) / 2**20,
    }


def time_searches(
    searcher: Searcher, count: int, queries: Vectors, clock: Clock, alone: bool
) -> Json:
    """Time single queries and batches beside numpy, and return times and ratios.

    Args:
        searcher: the process that searches the collection.
        count: the number of references.
        queries: the vectors of the queries, float32 (q, dim).
        clock: what measures the time.
        alone: whether nothing is compared; what would be compared is None then.
    """

    def ours(size: int) -> Callable[[int], float]:
        """Return a run that searches for a batch of queries."""
        places = np.arange(size)
        return lambda turn: searcher.search(queries[(turn * size + places) % len(queries)])[0]

    pair = 1e9 / (BATCH * count)
    if alone:
        (single,), (batch,) = in_turn([ours(1)], SINGLES), in_turn([ours(BATCH)], BATCHES)
        compared: Json = {}
    else:
        single, batch, compared = _beside_numpy(ours(1), ours(BATCH), count, pair, clock)
    return {
        "single_ms": median(single) * 1e3,
        "queries_per_s": BATCH / median(batch),
        "pair_ns": median(batch) * pair,
        **compared,
    }


def _beside_numpy(
    one: Callable[[int], float],
    many: Callable[[int], float],
    count: int,
    pair: float,
    clock: Clock,
) -> tuple[list[float], list[float], Json]:
    """Let single queries and batches take turns with numpy: their times, and what is compared."""
    rng = np.random.default_rng(5)
    matrix = rng.standard_normal((count, NUMPY_DIM), np.float32)
    square = rng.standard_normal((SQUARE, SQUARE), np.float32)

    def plain(size: int) -> Callable[[int], float]:
        """Return a run that searches for a batch of queries with numpy."""
        some = rng.standard_normal((size, NUMPY_DIM), np.float32)
        return lambda turn: seconds(lambda: numpy_top(matrix, some), clock)

    def paper(turn: int) -> float:
        """Return the seconds of a batch at the speed of a product of square matrices."""
        flops = 2 * SQUARE**3 / seconds(lambda: square @ square, clock)
        return 2 * NUMPY_DIM / flops * BATCH * count

    single, numpy_single = in_turn([one, plain(1)], SINGLES)
    batch, numpy_batch, paper_batch = in_turn([many, plain(BATCH), paper], BATCHES)
    return (
        single,
        batch,
        {
            "numpy_single_ms": median(numpy_single) * 1e3,
            "single_vs_numpy": ratio(single, numpy_single),
            "numpy_pair_ns": median(numpy_batch) * pair,
            "pair_vs_numpy": ratio(batch, numpy_batch),
            "paper_pair_ns": median(paper_batch) * pair,
            "pair_vs_paper": ratio(batch, paper_batch),
        },
    )


def search_after_changes(folder: Path, searcher: Searcher, query: Vectors) -> float:
    """Return the milliseconds of a query (1, dim) after references were removed and added again."""
    with open_collection(folder) as collection:
        ids, codes = collection.database.codes_after(0, CHANGED)
        rows = [row for _, row in sorted(collection.database.rows(ids.tolist()).items())]
        vectors = collection.codec.decode(codes)
        collection.remove([row.location for row in rows])
        collection.add_vectors(rows, vectors)
    return 1e3 * searcher.search(query)[0]


def measure_search(
    folder: Path, universe: Universe, queries: Vectors, clock: Clock, alone: bool
) -> Json:
    """Return the times, the memory and the recall of a process that searches the collection."""
    searcher = Searcher(folder, clock)
    times = time_searches(searcher, universe.count, queries, clock, alone)
    parts = range(0, len(queries), BATCH)
    ids = np.concatenate([searcher.search(queries[i : i + BATCH])[1] for i in parts])
    changed = search_after_changes(folder, searcher, queries[:1])
    peak = searcher.close()
    truth = exact(universe, queries)
    shared = [np.isin(mine, his).mean() for mine, his in zip(ids, truth, strict=True)]
    return {
        **times,
        "peak_mb": peak,
        "changed_ms": changed,
        "recall_at_1": float((ids[:, 0] == truth[:, 0]).mean()),
        "recall_at_10": float(np.mean(shared)),
    }


def report(text: str) -> None:
    """Show progress on standard error, if it is a terminal."""
    if sys.stderr.isatty():
        print(f"\r{text}", end="", file=sys.stderr)


def benchmark(options: argparse.Namespace, references: int, dim: int) -> Json:
    """Measure one row of the result: so many references of so many dims."""
    universe = Universe(dim, references)
    clock = time.process_time if options.cpu else time.perf_counter
    with tempfile.TemporaryDirectory(prefix="originid-search-", dir=options.folder) as name:
        folder = Path(name) / "collection"
        # In a process of its own, whose memory is measured and is free afterwards.
        with ProcessPoolExecutor(1, get_context("spawn")) as other:
            made, most = other.submit(
                build, universe, folder, options.queries, options.compact
            ).result()
        opening = measure_opening(folder)
        searching = measure_search(folder, universe, made, clock, options.alone)
    known = {"references": references, "dim": dim, "queries": options.queries, "making_mb": most}
    return {**dict.fromkeys(COLUMNS), **known, **opening, **searching}


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--references", type=int, nargs="+", default=[1_000_000])
    parser.add_argument("--dim", type=int, nargs="+", default=[open_model().dim])
    parser.add_argument("--queries", type=int, default=1000)
    parser.add_argument("--cpu", action="store_true", help="measure the processors' time")
    parser.add_argument("--alone", action="store_true", help="compare nothing with numpy")
    parser.add_argument("--compact", action="store_true", help="make a compact collection")
    parser.add_argument("--folder", type=Path, help="of the temporary folder; /tmp or the like")
    parser.add_argument("--json", action="store_true", help="print one JSON object a row")
    options = parser.parse_args()
    where = f"{machine('numpy', 'faiss-cpu')}, SQLite {sqlite3.sqlite_version}"
    if not options.json:
        print(f"{where}\n\n| {' | '.join(COLUMNS.values())} |\n{'|---' * len(COLUMNS)}|")
    for references, dim in itertools.product(options.references, options.dim):
        row = benchmark(options, references, dim)
        if options.json:
            print(json.dumps({**row, "machine": where}), flush=True)
        else:
            print(f"| {' | '.join(figure(row[key]) for key in COLUMNS)} |", flush=True)


if __name__ == "__main__":
    main()
