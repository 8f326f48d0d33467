"""How long the end of `originid upgrade` takes: the transaction in which a collection goes over.

    python benchmarks/upgrade.py --references 20000

Two collections of the packaged model get the same made-up references with random vectors, and the
first one takes over the vectors of the second. Seconds of the wall and of one core are printed.
Nobody else can write to a collection meanwhile.
"""

import argparse
import hashlib
import tempfile
import time
from pathlib import Path

import numpy as np

from originid.collection.collection import Collection, create_collection
from originid.collection.row import Row
from originid.collection.switching import switch
from originid.maps import unit_length
from originid.model import open_model

BATCH = 5000


def fill(collection: Collection, references: int) -> None:
    """Add made-up references with random vectors."""
    rng = np.random.default_rng(0)
    for start in range(0, references, BATCH):
        numbers = range(start, min(start + BATCH, references))
        vectors = rng.normal(size=(len(numbers), collection.model.dim)).astype(np.float32)
        contents = [hashlib.sha256(b"%d" % number).digest() for number in numbers]
        rows = [
            Row(f"/photos/{number}.jpg", f"{number}.jpg", content, 100, 1, 640, 480)
            for number, content in zip(numbers, contents, strict=True)
        ]
        collection.add_vectors(rows, unit_length(vectors))


def measure(folder: Path, references: int) -> tuple[float, float]:
    """The seconds that going over takes, of the wall and of a core."""
    model = open_model()
    with create_collection(folder / "old", model) as old:
        fill(old, references)
    with create_collection(folder / "new", model) as new:
        fill(new, references)
        wall, core = time.perf_counter(), time.process_time()
        if not switch(folder / "old", new, left_out=()):
            raise SystemExit("the collections have other references")
        return time.perf_counter() - wall, time.process_time() - core


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--references", type=int, default=20_000)
    references = parser.parse_args().references
    with tempfile.TemporaryDirectory() as folder:
        wall, core = measure(Path(folder), references)
    each = 1000 * core / references
    print(
        f"{references:,} references: {wall:.1f} s, {core:.1f} s of a core, {each:.2f} ms for each"
    )


if __name__ == "__main__":
    main()
