"""Time of indexing images, as a multiple of the time that reading and decoding alone takes.

usage: python benchmarks/indexing.py FOLDER [--model M] [--repeats 3] [--large 60] [--workers N]
           [--json]

This is measured twice: for the photos of the folder, and for JPEGs of 12 megapixels that are
mosaics of these photos and are made in a temporary folder. Each repeat is a process of its own. It
indexes the images into a new collection, until all can be searched (``index_s``) and until the
collection has looked again at some of its own references, if it has 72 or more (``leads_s``, which
do not grow with it). It notes its peak memory, and that of the largest of the processes that encode
for it (``child_mb``), and indexes the same images again. Then one process stores in another
collection what is encoded already (``store_s``): no number of processes that encode makes it
faster. At last every image is only decoded in as many threads: at full size (``decode_s``), and
squashed to the size that the model takes (``squash_s``). The figures are medians over the repeats,
and each ratio is the median of the repeats' ratios.
"""

import argparse
import json
import multiprocessing
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from originid.collection.adding import store_images
from originid.collection.collection import create_collection
from originid.collection.encoding import Here, Wanted
from originid.errors import ImageError
from originid.images.decode import decode, read_bytes
from originid.images.find_files import find_images
from originid.indexing import add_images
from originid.inputs.kinds import OnFailure
from originid.inputs.pieces import Piece
from originid.latents.encode_files import Entry
from originid.model import DEFAULT, Model, open_model
from originid.system.parallel import available_cores, map_ordered
from reporting import machine, peak_memory

UNIT = 1 if sys.platform == "darwin" else 1024  # bytes, of getrusage
WIDTH, HEIGHT, TILE = 4000, 3000, 250


def write_mosaics(photos: Sequence[str], folder: Path, count: int) -> list[str]:
    """Write JPEGs of 12 megapixels, each of 192 photos drawn at random, and return their paths.

    Args:
        photos: the paths of the photos.
        folder: the folder to write into.
        count: the number of JPEGs.
    """
    rng = np.random.default_rng(0)
    paths = [folder / f"{number:04}.jpg" for number in range(count)]
    for path in paths:
        mosaic = Image.new("RGB", (WIDTH, HEIGHT))
        for y in range(0, HEIGHT, TILE):
            for x in range(0, WIDTH, TILE):
                with Image.open(photos[int(rng.integers(len(photos)))]) as photo:
                    mosaic.paste(photo.convert("RGB").resize((TILE, TILE)), (x, y))
        mosaic.save(path, quality=90)
    return [str(path) for path in paths]


def decode_alone(paths: Sequence[str], size: int | None, workers: int) -> int:
    """Read and decode every image, and return how many are readable.

    Args:
        paths: the paths of the images.
        size: the side of the squashed images, in pixels; None for full size.
        workers: the number of threads.
    """

    def work(path: str) -> bool:
        """Return whether an image can be decoded."""
        try:
            decode(read_bytes(path), size)
        except ImageError:
            return False
        return True

    return sum(map_ordered(work, paths, workers))


def store_alone(model: Model, paths: Sequence[str], workers: int) -> float:
    """Return the seconds in which images that are encoded already are mapped and stored.

    Args:
        model: the model of the collection.
        paths: the paths of the images.
        workers: the number of threads that encode them before.
    """
    chunks: list[list[Entry]] = []

    def first(
        pieces: Iterable[Piece], model: Model, wanted: Wanted, known: Any, on_failure: OnFailure
    ) -> Generator[list[Entry], None, None]:
        """Encode, and keep what that gives."""
        for chunk in Here(workers)(pieces, model, wanted, known, on_failure):
            chunks.append(chunk)
            yield chunk

    def again(*_: object, **__: object) -> Generator[list[Entry], None, None]:
        """Give what was encoded before."""
        yield from chunks

    seconds = 0.0
    for encode in (first, again):
        with (
            tempfile.TemporaryDirectory() as folder,
            create_collection(Path(folder) / "collection", model) as collection,
        ):
            seconds = timed(partial(store_images, collection, paths, encode=encode))
    return seconds


def timed(function: Callable[[], object]) -> float:
    """Return the seconds on the clock that a call takes."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def measure(task: tuple[Sequence[str], str, int]) -> dict[str, float]:
    """Return the seconds, the memory in MB and the ratios of one repeat.

    Args:
        task: the paths of the images, the name of the model, and the number of threads.
    """
    paths, name, workers = task
    model = open_model(name)
    size = model.encoder.size  # loads the encoder, which is not part of the figures
    with (
        tempfile.TemporaryDirectory() as folder,
        create_collection(Path(folder) / "collection", model) as collection,
    ):
        before = peak_memory() / 1e6
        start, moments = time.perf_counter(), []
        add_images(collection, paths, workers, lambda *_: moments.append(time.perf_counter()))
        seconds = {"index_s": moments[-1] - start, "leads_s": time.perf_counter() - moments[-1]}
        children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * UNIT
        memory = {"start_mb": before, "peak_mb": peak_memory() / 1e6, "child_mb": children / 1e6}
        seconds["again_s"] = timed(lambda: add_images(collection, paths, workers))
    seconds["store_s"] = store_alone(model, paths, workers)
    seconds["decode_s"] = timed(lambda: decode_alone(paths, None, workers))
    seconds["squash_s"] = timed(lambda: decode_alone(paths, size, workers))
    ratios = {f"index_vs_{of}": seconds["index_s"] / seconds[f"{of}_s"] for of in DECODED}
    return seconds | memory | ratios


DECODED = ("decode", "squash")


def medians(paths: Sequence[str], options: argparse.Namespace) -> dict[str, float]:
    """Return the medians over the repeats for some images."""
    for path in paths:
        Path(path).read_bytes()  # all runs find them in memory
    task = (paths, options.model, options.workers)
    runs = [apart(measure, task) for _ in range(options.repeats)]
    middle = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
    rate = len(paths) / middle["index_s"]
    return {"images": len(paths), "images_per_s": rate} | middle


def apart(function: Callable[..., Any], *arguments: object) -> Any:
    """Call a function in a process of its own, so that the peak memory is that of the call."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, arguments)


def figures(options: argparse.Namespace) -> Iterator[tuple[str, dict[str, float]]]:
    """Yield the figures for the photos as they are, and for large ones that are made of them."""
    photos = list(find_images([options.folder], lambda failure: None))
    yield "photos", medians(photos, options)
    with tempfile.TemporaryDirectory() as folder:
        large = apart(write_mosaics, photos, Path(folder), options.large)
        yield "12 megapixels", medians(large, options)


def main() -> None:
    """Run the benchmark and print its figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder")
    parser.add_argument("--model", default=DEFAULT)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--large", type=int, default=60, help="how many of 12 megapixels")
    parser.add_argument("--workers", type=int, default=available_cores())
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    where = f"{machine('numpy', 'pillow')}; {options.workers} workers"
    result = {name: {k: round(v, 3) for k, v in each.items()} for name, each in figures(options)}
    if options.json:
        print(json.dumps({"machine": where, "workers": options.workers} | result))
        return
    print(where)
    print(f"{'':16}" + "".join(f"{name:>16}" for name in result))
    for row in result["photos"]:
        print(f"{row:16}" + "".join(f"{each[row]:16,.10g}" for each in result.values()))


if __name__ == "__main__":
    main()
