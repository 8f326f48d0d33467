"""Time of indexing a folder, as a multiple of the time that reading and decoding alone takes.

usage: python benchmarks/indexing.py FOLDER [--model M] [--repeats 3] [--workers N] [--json]

Each repeat decodes every image of the folder, without resizing, in as many threads as indexing
uses, then indexes them into a new collection, then indexes the same folder again. The figures
are medians over the repeats; the ratio is the median of the repeats' ratios. Peak memory is that
of the whole process, which holds the decoded images of both.
"""

import argparse
import json
import platform
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from originid.adding import add_images
from originid.collection import create_collection
from originid.errors import ImageError
from originid.images import decode, read_bytes
from originid.model import DEFAULT, Model, open_model
from originid.parallel import available_cores, map_ordered
from originid.pipeline import CHUNK
from originid.walk import find_images


def decode_alone(paths: list[str], workers: int) -> int:
    """Read and decode every image; return how many are readable."""

    def work(chunk: list[str]) -> int:
        good = 0
        for path in chunk:
            try:
                decode(read_bytes(path))
            except ImageError:
                continue
            good += 1
        return good

    chunks = [paths[start : start + CHUNK] for start in range(0, len(paths), CHUNK)]
    return sum(map_ordered(work, chunks, workers))


def timed(function: Callable[[], object]) -> float:
    """Wall-clock seconds of a call."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def measure(paths: list[str], model: Model, workers: int) -> dict[str, float]:
    """Seconds of one repeat."""
    with tempfile.TemporaryDirectory() as folder:
        decoding = timed(lambda: decode_alone(paths, workers))
        with create_collection(Path(folder) / "collection", model) as collection:
            indexing = timed(lambda: add_images(collection, paths, workers))
            again = timed(lambda: add_images(collection, paths, workers))
    return {"decode_s": decoding, "index_s": indexing, "again_s": again}


def main() -> None:
    """Run the benchmark and print its figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder")
    parser.add_argument("--model", default=DEFAULT)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--workers", type=int, default=available_cores())
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    paths = list(find_images([options.folder], lambda failure: None))
    model = open_model(options.model)
    model.encoder  # noqa: B018 - loading it is not part of the figures
    runs = [measure(paths, model, options.workers) for _ in range(options.repeats)]
    middle = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
    result = {
        "images": len(paths),
        "workers": options.workers,
        "machine": f"{platform.machine()}, {available_cores()} cores, {platform.platform()}",
        **{name: round(value, 3) for name, value in middle.items()},
        "images_per_s": round(len(paths) / middle["index_s"], 1),
        "index_vs_decode": round(
            statistics.median(run["index_s"] / run["decode_s"] for run in runs), 3
        ),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }
    if options.json:
        print(json.dumps(result))
    else:
        for name, value in result.items():
            print(f"{name:16} {value}")


if __name__ == "__main__":
    main()
