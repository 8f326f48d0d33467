"""What a second look costs, by effort, by stage and by the size of the collection.

usage: python benchmarks/second_look.py PHOTOS QUERIES [--sizes 10000,100000,1000000] [--count 40]
           [--details] [--keep FOLDER]

PHOTOS are indexed; further references are random vectors, which have the stored form of photos'
vectors but no files. QUERIES are images that no photo is the origin of. For each size it prints

- milliseconds for a query that is asked alone, the median, with each effort;
- milliseconds a query when all are asked together, on all cores, with the effort normal;
- milliseconds of one thread that the stages of the effort normal take, by their functions;
- megabytes of memory of the process at most, of the shortlist, and of the words of details.

The collection of a million takes some 10 minutes to make, and 3.5 GB of disk.
"""

import argparse
import cProfile
import pstats
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

import numpy as np

from originid.answer import Answer
from originid.collection.collection import create_collection
from originid.collection.row import Row
from originid.collection.stores import is_collection
from originid.finder import Finder
from originid.images.find_files import find_images
from originid.indexing import add_images
from originid.latents.encode_files import Encoded, encode_sources
from originid.latents.sources import Source
from originid.maps import unit_length
from originid.model import open_model
from originid.views.looks import Effort
from reporting import machine, peak_memory

BATCH = 4096  # random vectors added at a time
EFFORTS: tuple[Effort, ...] = ("quick", "normal", "thorough")
STAGES = {
    "views and blocks": "query_views",
    "coarse looks": "coarse",
    "shortlist": "shortlist",
    "search as it is": "search",
    "words of details": "_by_words",
    "stored vectors": "codes",
    "decoded": "decode",
    "compared with looks": "compare",
    "dense looks": "dense",
    "parts": "compare_parts",
    "local features": "_verify",
}
"""The stages, and the function that each one is."""


def grow(finder: Finder, size: int) -> None:
    """Add random vectors until the collection has a size."""
    collection = finder.collection
    while (count := len(collection)) < size:
        number = min(BATCH, size - count)
        rng = np.random.default_rng(count)
        vectors = unit_length(rng.normal(size=(number, collection.model.dim)).astype(np.float32))
        names = [f"/random/{count + n}" for n in range(number)]
        rows = [Row(name, name, name.encode().ljust(32)[:32], 0, 0, 640, 480) for name in names]
        collection.add_vectors(rows, vectors)
    collection.calibrate()
    collection.low_frequencies()


def alone(finder: Finder, queries: Sequence[str], effort: Effort) -> float:
    """Milliseconds of a query that is asked alone: the median."""
    times = []
    for query in queries:
        start = time.perf_counter()
        finder.find(query, effort=effort)
        times.append(1e3 * (time.perf_counter() - start))
    return median(times)


def together(finder: Finder, queries: Sequence[str]) -> float:
    """Milliseconds a query when all are asked together."""
    start = time.perf_counter()
    answers: list[Answer] = list(finder.find(queries))
    return 1e3 * (time.perf_counter() - start) / len(answers)


def by_stage(finder: Finder, queries: Sequence[str]) -> dict[str, float]:
    """Milliseconds of one thread for each of `STAGES`, and for a whole query."""
    escalation = finder.escalation
    profile = cProfile.Profile()
    for encoded in encoded_queries(finder, queries):
        profile.runcall(escalation.candidates, encoded, "normal")
    spent = pstats.Stats(profile).stats  # type: ignore[attr-defined]
    found = {}
    for name, function in STAGES.items():
        of_function = [each[3] for (_, _, known), each in spent.items() if known == function]
        found[name] = 1e3 * max(of_function, default=0.0) / len(queries)
    return found


def encoded_queries(finder: Finder, queries: Sequence[str]) -> Iterator[Encoded]:
    """The encoded queries."""
    for chunk in encode_sources(map(Source, queries), finder.collection.model.encoder):
        yield from (entry for entry in chunk if isinstance(entry, Encoded))


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description="What a second look costs.")
    parser.add_argument("photos", type=Path)
    parser.add_argument("queries", type=Path)
    parser.add_argument("--sizes", default="10000,100000,1000000")
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument("--details", action="store_true")
    parser.add_argument("--keep", type=Path)
    options = parser.parse_args()
    found = sorted(find_images([options.queries], lambda failure: None))
    queries = found[:: max(1, len(found) // options.count)][: options.count]
    print(f"{machine('numpy', 'faiss-cpu', 'onnxruntime')}; {len(queries)} queries\n")
    with tempfile.TemporaryDirectory() as temporary:
        folder = (options.keep or Path(temporary)) / "collection"
        if not is_collection(folder):
            with create_collection(folder, open_model()) as collection:
                add_images(collection, [options.photos], details=options.details)
        names = ("references", *EFFORTS, "together", *STAGES, "memory", "shortlist", "words")
        print(f"| {' | '.join(names)} |\n{'|---' * len(names)}|")
        for size in sorted(map(int, options.sizes.split(","))):
            with Finder.open(folder) as finder:
                grow(finder, size)
                finder.find(queries[0])  # opens what is opened once
                times = [alone(finder, queries, effort) for effort in EFFORTS]
            with Finder.open(folder) as finder:  # which remembers no file of a reference
                finder.find(queries[0])
                times += [together(finder, queries), *by_stage(finder, queries).values()]
            files = (folder / "shortlist.bin", folder / "words.bin")
            kept = [file.stat().st_size if file.exists() else 0 for file in files]
            megabytes = [each / 1e6 for each in (peak_memory(), *kept)]
            cells = [f"{size:,}", *(f"{value:.0f}" for value in (*times, *megabytes))]
            print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
