"""Time of turning an image into a latent: our encoders, VAEs, similarity networks and hashes.

usage: python benchmarks/extraction.py [--encoder E...] [--tiny FOLDER] [--photos FOLDER]
           [--threads N] [--repeats 5] [--json]

All contenders run in one process and take turns. Each repeat times every contender once, for half a
second, or for one batch if that takes longer. A time is the median over the repeats, and a ratio
the median of the repeats' ratios. What is timed begins with decoded and squashed uint8 images in
memory and ends with latents in memory. Decoding begins with the bytes of JPEGs; it does not squash
images and does not read the disk.

`--threads` is the number of threads of torch, of onnxruntime, and of originid's decoding and
encoding in the pipeline's batches. PDQ has one thread, because its binding keeps the interpreter's
lock. `--photos` is a folder of images; without it, images are noise with the spectrum of photos.
`--tiny` is the folder of an AutoencoderTiny; without it, its weights are random, as are those of
the other networks. If torch has CUDA, its networks run there too, in bfloat16 and batches of 64,
and the time includes copying images to the GPU. The benchmark needs
`pip install 'originid[dev,vae,train]'` and, on two cores, 3 minutes.
"""

import argparse
import io
import json
import logging
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pdqhash
from PIL import Image as Pillow

from extraction_networks import (
    SD2,
    SIDE,
    TINY,
    Contender,
    in_onnxruntime,
    in_torch,
    networks,
    squashed,
    tiny_encoder,
)
from originid.encoders import open_encoder
from originid.images.decode import decode, read_bytes
from originid.images.find_files import find_images
from originid.latents.encode_files import BATCH
from originid.system.parallel import available_cores, map_ordered
from originid.types import Json
from reporting import figure, machine

ENCODERS = ("pixels", "tones+edges")
SECONDS = 0.5  # that a repeat of what is fast takes
PAUSE = 0.1  # the threads of the contender before wait busily for more work
PHOTOS = 48
PACKAGES = ("numpy", "pillow", "torch", "diffusers", "transformers", "onnxruntime", "pdqhash")


def read_photos(folder: Path | None) -> list[bytes]:
    """Return the bytes of photos that are spread over a folder, or of synthetic JPEGs.

    Args:
        folder: the folder; None for synthetic JPEGs.

    Raises:
        SystemExit: the folder has no images.
    """
    if folder is None:
        return [synthetic_jpeg(seed) for seed in range(PHOTOS)]
    found = list(find_images([folder], lambda failure: None))
    if not found:
        sys.exit(f"no images in {folder}")
    return [read_bytes(found[i * len(found) // PHOTOS]) for i in range(PHOTOS)]


def synthetic_jpeg(seed: int) -> bytes:
    """Return a JPEG of noise whose amplitude falls with frequency, as that of photos does."""
    rng = np.random.default_rng(seed)
    radius = np.hypot(*np.meshgrid(np.fft.fftfreq(SIDE), np.fft.rfftfreq(SIDE), indexing="ij"))
    amplitude = 1 / np.maximum(radius, 1 / SIDE)
    grey, *colours = (np.fft.irfft2(np.fft.rfft2(rng.normal(size=(SIDE, SIDE))) * amplitude)
                      for _ in range(4))  # fmt: skip
    pixels = np.stack([grey + colour / 4 for colour in colours], axis=2)
    pixels = 128 + 50 * (pixels - pixels.mean()) / pixels.std()
    file = io.BytesIO()
    Pillow.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(file, "jpeg", quality=90)
    return file.getvalue()


def ours(specs: list[str], photos: list[bytes], threads: int) -> Iterator[Contender]:
    """Yield decoding, and originid's encoders, in the pipeline's batches.

    Args:
        specs: the specifications of the encoders.
        photos: the bytes of photos.
        threads: the number of threads.
    """

    def in_threads(name: str, work: Callable[[Any], object], items: Any) -> Contender:
        """Return a contender that works on batches in threads."""
        batches = [items[i : i + BATCH] for i in range(0, PHOTOS, BATCH)] * threads

        def run() -> None:
            """Work on every batch."""
            for _ in map_ordered(work, batches, threads):
                pass

        return Contender(name, PHOTOS * threads, run)

    yield in_threads("decode alone", lambda batch: [decode(photo) for photo in batch], photos)
    for spec in specs:
        encoder = open_encoder(spec)
        yield in_threads(f"originid {spec}", encoder.encode, squashed(photos, encoder.size))


def pdq(photos: list[bytes]) -> Contender:
    """Return the hash PDQ as a contender."""
    images = squashed(photos, SIDE)
    return Contender("PDQ", PHOTOS, lambda: [pdqhash.compute(image) for image in images])


def contenders(
    specs: list[str], tiny: str | None, photos: list[bytes], threads: int
) -> Iterator[Contender]:
    """Yield everything that is compared.

    Args:
        specs: the specifications of originid's encoders.
        tiny: the folder of an AutoencoderTiny; None for random weights.
        photos: the bytes of photos.
        threads: the number of threads.
    """
    import torch

    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # it misses packages it does not need
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    yield from ours(specs, photos, threads)
    encoder = tiny_encoder(tiny)
    compared = list(networks(encoder))
    yield from (in_torch(network, photos) for network in compared)
    yield in_onnxruntime(encoder, photos, threads)
    yield pdq(photos)
    if torch.cuda.is_available():
        yield from (in_torch(network, photos, cuda=True) for network in compared)


def seconds_per_image(contender: Contender) -> float:
    """Return the seconds an image, from running a contender for `SECONDS` and at least once."""
    time.sleep(PAUSE)
    start, calls, passed = time.perf_counter(), 0, 0.0
    while passed < SECONDS:
        contender.run()
        calls += 1
        passed = time.perf_counter() - start
    return passed / (calls * contender.images)


def measure(compared: list[Contender], repeats: int) -> list[list[float]]:
    """Return the seconds an image of each contender in each repeat."""
    for contender in compared:
        contender.run()  # the first one warms up
    turns = [[seconds_per_image(each) for each in compared] for _ in range(repeats)]
    return [list(times) for times in zip(*turns, strict=True)]


def rows(compared: list[Contender], found: list[list[float]]) -> Iterator[Json]:
    """Yield a row for each contender: medians, and its speed as a multiple of the VAE encoders'.

    Args:
        compared: the contenders.
        found: what `measure` returned.
    """
    by_name = {each.name: times for each, times in zip(compared, found, strict=True)}
    for contender in compared:
        times = by_name[contender.name]
        row: Json = {"name": contender.name, "ms": median(times) * 1e3}
        row["images_per_s"] = 1 / median(times)
        for key, other in (("times_sd2", SD2), ("times_tiny", TINY)):
            ratios = [theirs / own for theirs, own in zip(by_name[other], times, strict=True)]
            row[key] = None if contender.absolute else median(ratios)
        yield row


def main() -> None:
    """Run the comparison and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--encoder", action="append", help="of originid; may be repeated")
    parser.add_argument("--tiny", metavar="FOLDER")
    parser.add_argument("--photos", type=Path, metavar="FOLDER")
    parser.add_argument("--threads", type=int, default=available_cores())
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    photos = read_photos(options.photos)
    specs = options.encoder or list(ENCODERS)
    compared = list(contenders(specs, options.tiny, photos, options.threads))
    result = list(rows(compared, measure(compared, options.repeats)))
    where = f"{machine(*PACKAGES)}; {options.threads} threads"
    if options.json:
        print(json.dumps({"machine": where, "repeats": options.repeats, "rows": result}))
        return
    print(f"{where}\n\n| | ms an image | images/s | times {SD2} | times {TINY} |")
    print("|---" * 5 + "|")
    for row in result:
        print(f"| {row['name']} | {' | '.join(map(figure, list(row.values())[1:]))} |")


if __name__ == "__main__":
    main()
