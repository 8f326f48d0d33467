"""How fast a latent cache is written, opened, and read at random.

usage: python benchmarks/latents.py [--rows N] [--dim D] [--dtype T] [--folder FOLDER] [--json]

The latents are synthetic. The folder, by default a temporary one, is on the disk that is measured.
Right after writing, the system still has in memory what fits there. To measure the disk, ask for
more rows than memory holds.
"""

import argparse
import hashlib
import json
import math
import tempfile
import time
from dataclasses import dataclass

import numpy as np

from originid.encoders.base import Shape
from originid.latents import LatentCache
from originid.latents.encode_files import CHUNK
from originid.types import Image, Json, Latents

BATCH = 512  # rows of the paper's batches: 128 origins x 4 images
SECONDS = 10.0  # for how long rows are read at random


@dataclass(frozen=True)
class SyntheticEncoder:
    """An encoder that gives latents of ``dim`` components their name, and encodes nothing."""

    dim: int
    spec: str = "synthetic"
    size: int = 1
    cutoffs: tuple[float, ...] = (math.inf,)
    identity: str = "synthetic"

    @property
    def shapes(self) -> tuple[Shape, ...]:
        """The shape of the only block."""
        return ((self.dim, 1, 1),)

    def encode(self, images: Image) -> Latents:
        """Raise NotImplementedError, because encoding is not what is measured."""
        raise NotImplementedError


def main() -> None:
    """Write, open and read a cache, and print the rates."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, default=65_536)
    parser.add_argument("--dim", type=int, default=4096)
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--folder")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    encoder = SyntheticEncoder(options.dim)
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        result = {"rows": options.rows, "dim": options.dim, "dtype": options.dtype}
        result |= write(LatentCache.open(folder, encoder, options.dtype), options.rows)
        start = time.perf_counter()
        cache = LatentCache.open(folder, encoder, options.dtype)
        result["open_s"] = round(time.perf_counter() - start, 3)
        result |= read(cache)
    print(json.dumps(result) if options.json else "\n".join(f"{k}: {v}" for k, v in result.items()))


def write(cache: LatentCache, rows: int) -> Json:
    """Add rows as a run does, a chunk of images at a time, and return the rates.

    Args:
        cache: the cache, which is empty.
        rows: the number of rows to add.
    """
    latents = np.random.default_rng(0).standard_normal((CHUNK, cache.latent_dim), np.float32)
    start = time.perf_counter()
    for first in range(0, rows, CHUNK):
        count = min(CHUNK, rows - first)
        keys = [hashlib.sha256(str(first + n).encode()).digest() for n in range(count)]
        cache.add(keys, latents[:count])
    seconds = time.perf_counter() - start
    size = rows * cache.latent_dim * cache.dtype.itemsize
    return {
        "write_MB_per_s": round(size / 1e6 / seconds),
        "write_rows_per_s": round(rows / seconds),
    }


def read(cache: LatentCache) -> Json:
    """Take random batches and look keys up, and return the rate and the time of a look-up."""
    rng = np.random.default_rng(1)
    batches = 0
    start = time.perf_counter()
    while (seconds := time.perf_counter() - start) < SECONDS:
        cache.take(rng.integers(0, len(cache), BATCH))
        batches += 1
    keys = [hashlib.sha256(str(n).encode()).digest() for n in range(0, len(cache), 7)]
    start = time.perf_counter()
    found = sum(key in cache for key in keys)
    look_up = (time.perf_counter() - start) / max(found, 1)
    return {
        f"take_{BATCH}_per_s": round(batches / seconds, 1),
        "look_up_us": round(look_up * 1e6, 1),
    }


if __name__ == "__main__":
    main()
