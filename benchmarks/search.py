"""Search among many references: time, memory and recall, beside a plain product in numpy.

usage: python benchmarks/search.py [--references 1000000...] [--dim 1999...] [--queries 1000]
           [--json]

One row for each number of references and of dims. Vectors are drawn that resemble those of real
images (image_vectors.py) and stored in a collection in a temporary folder that is removed. New
processes open it: the first of them makes the index file, later ones read it, one of them with the
collection's files taken out of the system's cache. A child process that does nothing else searches.
Single queries and batches of 200 take turns with numpy's plain product over as many vectors of 512
float32, the paper's size, and its top 10; every time is a median over the turns, a ratio the median
of the turns' ratios, with all files in the system's cache.

The paper's 0.53e-10 s a pair of 512 dims are 19.3 TFLOPS on its GPUs; "paper, here" is what a pair
costs at the speed of numpy's product of two square matrices in this run. Recall is the share of the
best (of the ten best) references by exact float product of the full vectors that the search
returns. A million references of 1,999 dims need 4 GB of disk, 4 GB of memory (numpy's part) and, on
two cores, about 7 minutes.
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
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

import numpy as np

from image_vectors import Universe
from originid.collection.collection import create_collection
from originid.collection.database import Row
from originid.encoders.pixels import PixelsEncoder
from originid.maps import DctBasis, DctMap
from originid.model import open_model, save_model
from originid.types import Floats32, Ids, Json, Vectors
from reporting import figure, machine
from search_process import TOP, Searcher

BATCH = 200
SINGLES, BATCHES = 41, 5  # timed, each beside one of numpy's
OPENINGS = 3
NUMPY_DIM = 512  # the paper's vectors
RANK = 512  # of the map, as of the packaged one: opening a collection reads it
SQUARE = 2048  # side of the matrices whose product tells this machine's speed

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
    "disk_mb": "disk MB",
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


def row_of(key: int) -> Row:
    """The metadata of an imaginary photo."""
    name, sha256 = f"photos/{key // 1000:04}/{key:08}.jpg", hashlib.sha256(str(key).encode())
    return Row(f"/home/someone/{name}", name, sha256.digest(), 2_500_000, key, 4000, 3000)


def build(universe: Universe, folder: Path, queries: int) -> Vectors:
    """Store every reference in a collection; return queries (q, dim) made from some of them."""
    rng = np.random.default_rng(4)
    places = np.sort(rng.choice(universe.count, queries, replace=queries > universe.count)) + 1
    ones = np.ones(universe.dim, np.float32)
    directions = rng.standard_normal((min(RANK, universe.dim), universe.dim), np.float32)
    basis = DctBasis(((1, 1, universe.dim),), (np.inf,))
    linear = DctMap(basis, 0 * ones, ones, directions, ones[: len(directions)], ones)
    edits = []
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "model"  # of an encoder that nobody asks for
        model = save_model(path, PixelsEncoder(), linear, open_model().calibration, {})
        with create_collection(folder, model) as collection:
            for ids, vectors in universe.blocks():
                collection.add_vectors([row_of(key) for key in ids.tolist()], vectors)
                edits.append(universe.edit(vectors[places[np.isin(places, ids)] - ids[0]], rng))
                report(f"stored {ids[-1]:,} of {universe.count:,}")
    return np.concatenate(edits)


def exact(universe: Universe, queries: Vectors) -> Ids:
    """Ids (q, TOP) of the best references by float product of the full vectors."""
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
    """Seconds that a new process takes to open a collection with its index, and takes in all."""
    start = time.perf_counter()
    command = [sys.executable, "-c", OPEN, os.fspath(folder)]
    printed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return float(printed), time.perf_counter() - start


def forget(folder: Path) -> None:
    """Take files out of the system's cache."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def measure_opening(folder: Path) -> Json:
    """Times of opening."""
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


def numpy_top(matrix: Floats32, queries: Floats32) -> Ids:
    """The plain way: one product, then the ten largest of each row, in order."""
    best = []
    for scores in queries @ matrix.T:
        top = np.argpartition(scores, -TOP)[-TOP:]
        best.append(top[np.argsort(-scores[top])])
    return np.array(best)


def seconds(run: Callable[[], object]) -> float:
    """How long something takes."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def in_turn(runs: Sequence[Callable[[int], float]], turns: int) -> list[list[float]]:
    """What each run tells in each turn, after a turn that warms up."""
    told: list[list[float]] = [[] for _ in runs]
    for turn in range(turns + 1):
        for run, its in zip(runs, told, strict=True):
            time.sleep(0.05)  # the threads of an earlier product wait busily for more work
            its.append(run(turn))
    return [its[1:] for its in told]


def ratio(ours: list[float], theirs: list[float]) -> float:
    """The median of the turns' ratios."""
    return median(a / b for a, b in zip(ours, theirs, strict=True))


def time_searches(searcher: Searcher, count: int, queries: Vectors) -> Json:
    """Single queries and batches, beside numpy."""
    rng = np.random.default_rng(5)
    matrix = rng.standard_normal((count, NUMPY_DIM), np.float32)
    square = rng.standard_normal((SQUARE, SQUARE), np.float32)

    def ours(size: int) -> Callable[[int], float]:
        places = np.arange(size)
        return lambda turn: searcher.search(queries[(turn * size + places) % len(queries)])[0]

    def plain(size: int) -> Callable[[int], float]:
        some = rng.standard_normal((size, NUMPY_DIM), np.float32)
        return lambda turn: seconds(lambda: numpy_top(matrix, some))

    def paper(turn: int) -> float:
        flops = 2 * SQUARE**3 / seconds(lambda: square @ square)
        return 2 * NUMPY_DIM / flops * BATCH * count

    single, numpy_single = in_turn([ours(1), plain(1)], SINGLES)
    batch, numpy_batch, paper_batch = in_turn([ours(BATCH), plain(BATCH), paper], BATCHES)
    pair = 1e9 / (BATCH * count)
    return {
        "single_ms": median(single) * 1e3,
        "numpy_single_ms": median(numpy_single) * 1e3,
        "single_vs_numpy": ratio(single, numpy_single),
        "queries_per_s": BATCH / median(batch),
        "pair_ns": median(batch) * pair,
        "numpy_pair_ns": median(numpy_batch) * pair,
        "pair_vs_numpy": ratio(batch, numpy_batch),
        "paper_pair_ns": median(paper_batch) * pair,
        "pair_vs_paper": ratio(batch, paper_batch),
    }


def measure_search(folder: Path, universe: Universe, queries: Vectors) -> Json:
    """Times, memory and recall of a process that searches."""
    searcher = Searcher(folder)
    times = time_searches(searcher, universe.count, queries)
    parts = range(0, len(queries), BATCH)
    ids = np.concatenate([searcher.search(queries[i : i + BATCH])[1] for i in parts])
    peak = searcher.close()
    truth = exact(universe, queries)
    shared = [np.isin(mine, his).mean() for mine, his in zip(ids, truth, strict=True)]
    return {
        **times,
        "peak_mb": peak,
        "recall_at_1": float((ids[:, 0] == truth[:, 0]).mean()),
        "recall_at_10": float(np.mean(shared)),
    }


def report(text: str) -> None:
    """Progress, on standard error, where somebody looks."""
    if sys.stderr.isatty():
        print(f"\r{text}", end="", file=sys.stderr)


def benchmark(references: int, dim: int, queries: int) -> Json:
    """All figures of one row."""
    universe = Universe(dim, references)
    with tempfile.TemporaryDirectory(prefix="originid-search-") as name:
        folder = Path(name) / "collection"
        made = build(universe, folder, queries)
        opening = measure_opening(folder)
        searching = measure_search(folder, universe, made)
    return {"references": references, "dim": dim, "queries": queries, **opening, **searching}


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--references", type=int, nargs="+", default=[1_000_000])
    parser.add_argument("--dim", type=int, nargs="+", default=[open_model().dim])
    parser.add_argument("--queries", type=int, default=1000)
    parser.add_argument("--json", action="store_true", help="print one JSON object a row")
    options = parser.parse_args()
    where = f"{machine('numpy', 'faiss-cpu')}, SQLite {sqlite3.sqlite_version}"
    if not options.json:
        print(f"{where}\n\n| {' | '.join(COLUMNS.values())} |\n{'|---' * len(COLUMNS)}|")
    for references, dim in itertools.product(options.references, options.dim):
        row = benchmark(references, dim, options.queries)
        if options.json:
            print(json.dumps({**row, "machine": where}), flush=True)
        else:
            print(f"| {' | '.join(figure(row[key]) for key in COLUMNS)} |", flush=True)


if __name__ == "__main__":
    main()
