"""Search in a collection on a server: building, opening, memory, latency and recall.

usage: python benchmarks/engines.py --engine postgres [--references 1000000...] [--queries 200]
           [--json]

A server is started here, with its data in a temporary folder that is deleted at the end. Vectors
are drawn that resemble those of real images (image_vectors.py), with the dims of the packaged
model, and stored in a collection on it. A new process opens the collection and searches it, for
one query at a time and for all of them at once. Memory is the most that this process ever
occupied, and what the server's processes have for themselves when the queries are done. Recall is
the share of the best reference (of the ten best ones), by the exact float product of the full
vectors, that the search returns.
"""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from statistics import median
from typing import Protocol

import numpy as np

from image_vectors import Universe
from milvus_server import MilvusServer
from originid.collection.collection import create_collection, open_collection
from originid.model import open_model
from originid.types import Ids, Json, Vectors
from postgres_server import PostgresServer
from reporting import figure, machine
from search import exact, row_of
from search_process import Searcher

SINGLES = 41  # queries that are timed one by one
COLUMNS = {
    "references": "references",
    "build_s": "build, s",
    "open_s": "open, s",
    "disk_mb": "disk MB",
    "server_mb": "server MB",
    "client_mb": "client MB",
    "single_ms": "1 query, ms",
    "queries_per_s": "queries/s",
    "recall_at_1": "recall@1",
    "recall_at_10": "recall@10",
}


class Server(Protocol):
    """A server that is started here."""

    def start(self) -> None:
        """Start it, and wait until it answers."""

    def stop(self) -> None:
        """Stop it, and remove its data."""

    def memory(self) -> float:
        """The megabytes that its processes have for themselves."""

    def url(self, collection: str = ...) -> str:
        """The URL of a collection on it."""


SERVERS: dict[str, Callable[[], Server]] = {"postgres": PostgresServer, "milvus": MilvusServer}


def build(universe: Universe, place: str, count: int) -> Vectors:
    """Store every reference in a collection, and return queries that are made from some of them.

    Args:
        universe: what draws the vectors.
        place: the URL of the collection, which does not exist yet.
        count: of the queries, q.

    Returns:
        float32 (q, dim), of unit length.
    """
    rng = np.random.default_rng(4)
    places = np.sort(rng.choice(universe.count, count, replace=count > universe.count)) + 1
    edits = []
    with create_collection(place, open_model()) as collection:
        for ids, vectors in universe.blocks():
            collection.add_vectors([row_of(key) for key in ids.tolist()], vectors)
            edits.append(universe.edit(vectors[places[np.isin(places, ids)] - ids[0]], rng))
    return np.concatenate(edits)


def benchmark(server: Server, references: int, count: int) -> Json:
    """Measure one row of the result.

    Args:
        server: that runs.
        references: how many are stored.
        count: of the queries.
    """
    universe, place = Universe(open_model().dim, references), server.url(f"bench_{references}")
    start = time.perf_counter()
    queries = build(universe, place, count)
    built = time.perf_counter() - start
    start = time.perf_counter()
    with open_collection(place) as collection:
        collection.index().search(queries[:1], 1)
        opened, size = time.perf_counter() - start, collection.database.size()
    searcher = Searcher(place)
    searcher.search(queries[:1])
    singles = [searcher.search(queries[i : i + 1])[0] for i in range(min(SINGLES, count))]
    whole, ids = searcher.search(queries)
    memory, peak = server.memory(), searcher.close()
    ids, truth = numbers(place, ids), exact(universe, queries)
    shared = [np.isin(mine, his).mean() for mine, his in zip(ids, truth, strict=True)]
    return {
        "references": references,
        "dim": universe.dim,
        "queries": count,
        "build_s": built,
        "open_s": opened,
        "disk_mb": size / 2**20,
        "server_mb": memory,
        "client_mb": peak,
        "single_ms": median(singles) * 1e3,
        "queries_per_s": count / whole,
        "recall_at_1": float((ids[:, 0] == truth[:, 0]).mean()),
        "recall_at_10": float(np.mean(shared)),
    }


def numbers(place: str, ids: Ids) -> Ids:
    """The numbers in the universe of references by their ids, (q, TOP); -1 where there is none."""
    with open_collection(place) as collection:
        rows = collection.database.rows(np.unique(ids[ids >= 0]).tolist())
    known = {key: row.mtime_ns for key, row in rows.items()}  # as `row_of` stores them
    return np.array([[known.get(key, -1) for key in line] for line in ids.tolist()], np.int64)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--engine", choices=SERVERS, required=True)
    parser.add_argument("--references", type=int, nargs="+", default=[1_000_000])
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--json", action="store_true", help="print one JSON object a row")
    given = parser.parse_args()
    server = SERVERS[given.engine]()
    with tempfile.TemporaryDirectory(prefix="originid-engines-") as folder:
        os.environ["ORIGINID_CACHE"] = folder
        try:
            server.start()
            for references in given.references:
                row = benchmark(server, references, given.queries)
                if given.json:
                    print(json.dumps({"engine": given.engine, **row, "machine": machine()}))
                else:
                    told = (f"{title} {figure(row[name])}" for name, title in COLUMNS.items())
                    print("; ".join(told), flush=True)
        finally:
            server.stop()


if __name__ == "__main__":
    main()
