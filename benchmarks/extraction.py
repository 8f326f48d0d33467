"""Time of turning an image into a latent: our encoders, VAEs, similarity networks and hashes.

usage: python benchmarks/extraction.py [--encoder E...] [--tiny FOLDER] [--photos FOLDER]
           [--threads N] [--repeats 5] [--json]

All run in one process and take turns: each repeat times every contender once, for half a second or
one batch if that takes longer. A time is the median over the repeats, a ratio the median of the
repeats' ratios. What is timed starts from decoded and squashed uint8 images in memory and ends
with latents there; decoding starts from the bytes of JPEGs, and neither squashes nor reads a disk.

`--threads` holds for torch, for onnxruntime and for the threads that decode and that run originid's
encoders in the pipeline's batches; PDQ's binding keeps the interpreter's lock, so it has one.
`--photos` gives the images; without it they are noise with the spectrum of photos. `--tiny` is the
folder of an AutoencoderTiny; without it, it has random weights, as have the other networks. Where
torch has CUDA, its networks run there too, in bfloat16 and batches of 64, copies to it included.
Needs `pip install 'originid[dev,vae,train]'` and, on two cores, 3 minutes.
"""

import argparse
import copy
import io
import json
import logging
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pdqhash
from PIL import Image as Pillow

from originid.encoders import open_encoder
from originid.images.decode import decode, read_bytes
from originid.images.find_files import find_images
from originid.latents.encode_files import BATCH
from originid.system.parallel import available_cores, map_ordered
from originid.types import Image, Json
from reporting import figure, machine

ENCODERS = ("pixels", "tones+edges")
SECONDS = 0.5  # that a repeat of what is fast takes
PAUSE = 0.1  # the threads of the contender before wait busily for more work
SIDE = 256
TORCH_BATCH, GPU_BATCH = 8, 64
PHOTOS = 48
SD2, TINY = "SD2 VAE encoder, torch", "tiny VAE encoder, torch"
SD2_CONFIG: dict[str, Any] = {
    "block_out_channels": (128, 256, 512, 512),
    "layers_per_block": 2,
    "latent_channels": 4,
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,  # of the decoder, which is not used
}
PACKAGES = ("numpy", "pillow", "torch", "diffusers", "transformers", "onnxruntime", "pdqhash")


@dataclass(frozen=True)
class Contender:
    """Something that takes images: ``run`` takes ``images`` of them; ``absolute`` has no ratios."""

    name: str
    images: int
    run: Callable[[], object]
    absolute: bool = False


@dataclass(frozen=True)
class Network:
    """A torch network: how it is called, the side of its images, and the batch on a CPU."""

    name: str
    module: Any
    call: Callable[[Any, Any], object]
    side: int
    batch: int = TORCH_BATCH


def read_photos(folder: Path | None) -> list[bytes]:
    """The bytes of photos from all over a folder, or of synthetic JPEGs."""
    if folder is None:
        return [synthetic_jpeg(seed) for seed in range(PHOTOS)]
    found = list(find_images([folder], lambda failure: None))
    if not found:
        sys.exit(f"no images in {folder}")
    return [read_bytes(found[i * len(found) // PHOTOS]) for i in range(PHOTOS)]


def synthetic_jpeg(seed: int) -> bytes:
    """A JPEG of noise whose amplitude falls with frequency as that of photos does."""
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


def squashed(photos: list[bytes], side: int) -> Image:
    """Images (n, side, side, 3), as encoders take them."""
    return np.stack([decode(photo, side).image for photo in photos])


def ours(specs: list[str], photos: list[bytes], threads: int) -> Iterator[Contender]:
    """Decoding, and encoders that `open_encoder` names, in the pipeline's batches."""

    def in_threads(name: str, work: Callable[[Any], object], items: Any) -> Contender:
        batches = [items[i : i + BATCH] for i in range(0, PHOTOS, BATCH)] * threads

        def run() -> None:
            for _ in map_ordered(work, batches, threads):
                pass

        return Contender(name, PHOTOS * threads, run)

    yield in_threads("decode alone", lambda batch: [decode(photo) for photo in batch], photos)
    for spec in specs:
        encoder = open_encoder(spec)
        yield in_threads(f"originid {spec}", encoder.encode, squashed(photos, encoder.size))


def networks(tiny: Any) -> Iterator[Network]:
    """The networks to compare with; all but the tiny one have random weights."""
    import diffusers
    import transformers

    diffusers.logging.set_verbosity_error()
    sd2 = diffusers.AutoencoderKL(**SD2_CONFIG)
    del sd2.decoder
    yield Network(SD2, sd2, lambda network, x: network.encode(x).latent_dist.mode(), SIDE, 2)
    yield Network(TINY, tiny, _call, SIDE)
    vit = transformers.ViTModel(transformers.ViTConfig(), add_pooling_layer=False)
    yield Network("ViT-B/16, torch", vit, _call, 224)
    resnet = transformers.ResNetModel(transformers.ResNetConfig())
    yield Network("ResNet-50 at 288 px, torch", resnet, _call, 288)


def _call(network: Any, x: Any) -> object:
    return network(x)


def tiny_encoder(folder: str | None) -> Any:
    """The encoder of an AutoencoderTiny, from a folder or with random weights, float32 on the CPU.

    Raises:
        InputError: nothing usable in the folder.
    """
    import diffusers

    from originid.encoders.diffusers import DiffusersEncoder

    if folder is None:
        return diffusers.AutoencoderTiny().encoder.eval()
    return DiffusersEncoder(folder, device="cpu").network.encoder


def in_torch(network: Network, photos: list[bytes], cuda: bool = False) -> Contender:
    """The network, from uint8 images in the memory of the CPU to its output."""
    import torch

    where = ("cuda", torch.bfloat16) if cuda else ("cpu", torch.float32)
    module = copy.deepcopy(network.module).eval().to(*where)
    shape = (GPU_BATCH if cuda else network.batch, network.side, network.side, 3)
    images = torch.from_numpy(np.resize(squashed(photos, network.side), shape))

    def run() -> None:
        with torch.inference_mode():
            network.call(module, _to_floats(images.to(where[0])).to(where[1]))
            if cuda:
                torch.cuda.synchronize()

    name = f"{network.name}, CUDA bfloat16" if cuda else network.name
    return Contender(name, len(images), run, absolute=cuda)


def _to_floats(images: Any) -> Any:
    return images.permute(0, 3, 1, 2).float() / 127.5 - 1


def in_onnxruntime(tiny: Any, photos: list[bytes], threads: int) -> Contender:
    """The tiny encoder as an ONNX file."""
    import onnxruntime
    import torch

    images = squashed(photos[:TORCH_BATCH], SIDE)
    example = (_to_floats(torch.from_numpy(images)),)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's exporter, about itself
        file = str(Path(folder) / "tiny.onnx")
        torch.onnx.export(tiny, example, file, input_names=["x"], dynamo=True, verbose=False)
        session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])

    def run() -> None:
        session.run(None, {"x": np.ascontiguousarray(_to_floats(torch.from_numpy(images)))})

    return Contender("tiny VAE encoder, onnxruntime", TORCH_BATCH, run)


def pdq(photos: list[bytes]) -> Contender:
    """The hash PDQ."""
    images = squashed(photos, SIDE)
    return Contender("PDQ", PHOTOS, lambda: [pdqhash.compute(image) for image in images])


def contenders(
    specs: list[str], tiny: str | None, photos: list[bytes], threads: int
) -> Iterator[Contender]:
    """All that are compared."""
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
    """Run it for `SECONDS`, and at least once."""
    time.sleep(PAUSE)
    start, calls, passed = time.perf_counter(), 0, 0.0
    while passed < SECONDS:
        contender.run()
        calls += 1
        passed = time.perf_counter() - start
    return passed / (calls * contender.images)


def measure(compared: list[Contender], repeats: int) -> list[list[float]]:
    """Seconds an image of each contender, one per repeat."""
    for contender in compared:
        contender.run()  # the first one warms up
    turns = [[seconds_per_image(each) for each in compared] for _ in range(repeats)]
    return [list(times) for times in zip(*turns, strict=True)]


def rows(compared: list[Contender], found: list[list[float]]) -> Iterator[Json]:
    """Medians, and how many times the images a second of the VAE encoders."""
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
