"""Search among many references: time, memory and recall, beside a plain product in numpy.

usage: python benchmarks/search.py [--references 1000000] [--dim 1999] [--queries 1000] [--json]

Vectors are drawn that resemble those of real images (image_vectors.py), stored as a collection
stores them in a temporary folder that is removed, and searched by a child process that does
nothing else. Single queries and batches of 200 alternate with numpy's plain product over as many
vectors of 512 float32 and its top 10; every time is a median, with all files in the system's
cache. Recall is the share of the best (of the ten best) references by exact float product of the
full vectors that the search returns. A million references need 3 GB of disk, 4 GB of memory
(numpy's part) and, on two cores, about 6 minutes.
"""

import argparse
import hashlib
import json
import multiprocessing
import os
import platform
import resource
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median

import faiss
import numpy as np

from image_vectors import Floats, Universe
from originid.collection import CACHE, DATABASE
from originid.database import Database, Row
from originid.index import Codec, ExactIndex, ScanSettings
from originid.types import Ids, Json, Vectors

TOP = 10
BATCH = 200
SINGLES, BATCHES = 41, 5  # timed, each beside one of numpy's
NUMPY_DIM = 512  # the paper's vectors


def row_of(key: int) -> Row:
    """The metadata of an imaginary photo."""
    name, sha256 = f"photos/{key // 1000:04}/{key:08}.jpg", hashlib.sha256(str(key).encode())
    return Row(f"/home/someone/{name}", name, sha256.digest(), 2_500_000, key, 4000, 3000)


def build(universe: Universe, folder: Path, queries: int) -> Vectors:
    """Store every reference and the index file; return queries (q, dim) made from some of them."""
    codec = Codec(universe.dim)
    Database.create(folder / DATABASE, {})
    database = Database(folder / DATABASE)
    index = ExactIndex(universe.dim, database.codes)
    rng = np.random.default_rng(4)
    places = np.sort(rng.choice(universe.count, queries, replace=queries > universe.count)) + 1
    edits = []
    for ids, vectors in universe.blocks():
        codes = codec.encode(vectors)
        with database.writing():
            for key, code in zip(ids.tolist(), codes, strict=True):
                database.insert(row_of(key), code.tobytes())
        index.add(ids, codes)
        edits.append(universe.edit(vectors[places[np.isin(places, ids)] - ids[0]], rng))
        report(f"stored {ids[-1]:,} of {universe.count:,}")
    index.save(folder / CACHE)
    database.close()
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


def serve(pipe: Connection, folder: Path, dim: int) -> None:
    """The search process: open the index, answer searches with (seconds, ids), tell its memory."""
    start = time.perf_counter()
    database = Database(folder / DATABASE)
    index = ExactIndex.load(folder / CACHE, dim, database.codes)
    pipe.send(time.perf_counter() - start)
    while (queries := pipe.recv()) is not None:
        start = time.perf_counter()
        _, ids = index.search(queries, TOP)
        pipe.send((time.perf_counter() - start, ids))
    database.close()
    pipe.send(peak_memory() / 2**20)


def peak_memory() -> int:
    """Most bytes of memory that this process ever occupied."""
    status = Path("/proc/self/status")
    if status.exists():  # getrusage would count what the parent held when it forked
        return int(status.read_text().split("VmHWM:")[1].split()[0]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def numpy_top(matrix: Floats, queries: Floats) -> Ids:
    """The plain way: one product, then the ten largest of each row, in order."""
    best = []
    for scores in queries @ matrix.T:
        top = np.argpartition(scores, -TOP)[-TOP:]
        best.append(top[np.argsort(-scores[top])])
    return np.array(best)


def seconds(run: Callable[[], object]) -> float:
    """How long something takes."""
    time.sleep(0.05)  # the threads of an earlier product wait busily for more work
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def measure(folder: Path, universe: Universe, queries: Vectors, truth: Ids) -> Json:
    """Time searches and numpy in turn, then search for all queries."""
    rng = np.random.default_rng(5)
    matrix = rng.standard_normal((universe.count, NUMPY_DIM), np.float32)
    context = multiprocessing.get_context("spawn")
    pipe, other = context.Pipe()
    child = context.Process(target=serve, args=(other, folder, universe.dim))
    child.start()
    open_s = pipe.recv()

    def search(some: Vectors) -> tuple[float, Ids]:
        time.sleep(0.05)
        pipe.send(some)
        answer: tuple[float, Ids] = pipe.recv()
        return answer

    def compare(size: int, times: int) -> tuple[float, float]:
        ours, plain = [], []
        for turn in range(times + 1):  # the first one warms up
            at = np.arange(turn * size, (turn + 1) * size) % len(queries)
            plain.append(seconds(lambda: numpy_top(matrix, matrix[:size])))
            ours.append(search(queries[at])[0])
        return median(ours[1:]), median(plain[1:])

    single, numpy_single = compare(1, SINGLES)
    batch, numpy_batch = compare(BATCH, BATCHES)
    ids = np.concatenate([search(queries[i : i + BATCH])[1] for i in range(0, len(queries), BATCH)])
    pipe.send(None)
    resident = pipe.recv()
    child.join()
    shared = [np.isin(mine, his).mean() for mine, his in zip(ids, truth, strict=True)]
    return {
        "single_ms": single * 1e3,
        "numpy_single_ms": numpy_single * 1e3,
        "single_vs_numpy": single / numpy_single,
        "batch_200_ms": batch * 1e3,
        "numpy_batch_200_ms": numpy_batch * 1e3,
        "batch_vs_numpy": batch / numpy_batch,
        "recall_at_1": float((ids[:, 0] == truth[:, 0]).mean()),
        "recall_at_10": float(np.mean(shared)),
        "resident_mb": resident,
        "open_s": open_s,
    }


def machine() -> str:
    """What this ran on."""
    name = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        name = next((line.split(":")[1].strip() for line in lines if "model name" in line), name)
    return (
        f"{name}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()},"
        f" numpy {np.__version__}, faiss {faiss.__version__}, SQLite {sqlite3.sqlite_version}"
    )


def report(text: str) -> None:
    """Progress, on standard error, where somebody looks."""
    if sys.stderr.isatty():
        print(f"\r{text}", end="", file=sys.stderr)


def benchmark(references: int, dim: int, queries: int) -> Json:
    """All figures."""
    universe = Universe(dim, references)
    settings = ScanSettings()
    with tempfile.TemporaryDirectory(prefix="originid-search-") as name:
        folder = Path(name)
        made = build(universe, folder, queries)
        disk = sum(file.stat().st_size for file in folder.iterdir())
        figures = measure(folder, universe, made, exact(universe, made))
    return {
        "references": references,
        "queries": queries,
        "dim": dim,
        "bits": min(dim, settings.bits),
        "shortlist": settings.shortlist,
        **figures,
        "disk_mb": disk / 2**20,
        "machine": machine(),
    }


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description="Search time, memory and recall.")
    parser.add_argument("--references", type=int, default=1_000_000)
    parser.add_argument("--dim", type=int, default=1999)
    parser.add_argument("--queries", type=int, default=1000)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    figures = benchmark(options.references, options.dim, options.queries)
    if options.json:
        print(json.dumps(figures))
        return
    for key, value in figures.items():
        print(f"{key:20} {value:,.4g}" if isinstance(value, float) else f"{key:20} {value}")


if __name__ == "__main__":
    main()
