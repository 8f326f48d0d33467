"""What does a fingerprint give away? It is turned back into a picture, as well as we can.

usage: python benchmarks/inversion.py PICTURES... --photos FOLDER [--minutes 6] [-o SHEET.jpg]

Whoever holds a fingerprint knows the model, so can undo its map, and knows how photos look. The
first estimate is linear: each frequency of the pixels is regressed on the frequencies next to it of
the latent that the undone map gives. A small network then improves it. It sees that estimate and
the latent, in which edges have a strength and a direction. Both learn from the photos of the
folder, as they are and mirrored.

The table has the PSNR in decibels and the SSIM of what comes back with the pictures at 64 x 64
pixels: of stored codes, which keep the vector to 12 bits, and of fingerprints. The last line is
for comparison: the mean of all photos. The sheet shows original, code and fingerprint. Training
takes the minutes that are given, on the CPU; the extra [train] is needed.
"""

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image as Pillow
from torch import nn

from originid.images.find_files import find_images
from originid.index import Codec
from originid.latents.encode_files import Encoded, encode_sources
from originid.latents.sources import Source
from originid.maps import DctMap
from originid.maps.dct import dct_matrix
from originid.model import Model, open_model
from originid.types import Failure, Floats32, Image, Latents, Vectors

SIDE = 64  # pixels of what comes back; the model sees no more
CUTOFF = 20  # half periods per side: the model keeps no higher frequencies
RIDGE = 1e-3  # relative to the mean variance of a feature
WIDTH, LAYERS, BATCH, RATE = 48, 5, 32, 2e-3
SHOWN = 192  # pixels of a picture on the sheet


def pictures(paths: Sequence[str]) -> Image:
    """Pictures at 64 x 64 pixels (n, 64, 64, 3), as the model sees them."""
    chunks = encode_sources([Source(path) for path in paths], open_model().encoder)
    entries = [entry for chunk in chunks for entry in chunk if isinstance(entry, Encoded)]
    return np.stack([entry.thumbnail for entry in entries])


@dataclass(frozen=True)
class Known:
    """What a stranger knows of pictures: vectors, whole ones of codes or those of signs."""

    codes: Vectors
    signs: Vectors

    @classmethod
    def of(cls, model: Model, images: Image) -> "Known":
        """What is known of pictures (n, 64, 64, 3)."""
        codec = Codec(model.dim)
        latents = np.concatenate(
            [model.encoder.encode(images[i : i + 64]) for i in range(0, len(images), 64)]
        )
        codes = codec.encode(model.vectors(latents))
        return cls(codec.decode(codes), codec.decode(codec.of_bits(codec.bits(codes, codec.dim))))


class Undone:
    """The latents that vectors came from, as far as the map keeps them."""

    def __init__(self, map: DctMap, photos: Image, model: Model) -> None:
        self._map = map
        mapped = map.apply(model.encoder.encode(photos[:500]))
        self._length = float(np.median(np.linalg.norm(mapped, axis=1)))  # a vector lost its own

    def latents(self, vectors: Vectors) -> Latents:
        """Latents (n, channels, 32, 32)."""
        map = self._map
        scaled = self._length * vectors / map.weight
        gain = map.gain / (1 + map.gain)
        scaled = scaled - ((scaled @ map.directions.T) * gain) @ map.directions
        latents = map.basis.latents((scaled / map.scale + map.mean).astype(np.float32))
        return latents.reshape(len(vectors), -1, 32, 32)


class Linear:
    """The regression of the pixels' DCT on that of the latents, each frequency on its neighbours.

    Args:
        latents: (n, channels, 32, 32) of `Undone`.
        images: of which they are, (n, 64, 64, 3).
    """

    def __init__(self, latents: Latents, images: Image) -> None:
        features, targets = self._features(latents), self._targets(images)
        self._means = features.mean(axis=0), targets.mean(axis=0)
        features, targets = features - self._means[0], targets - self._means[1]
        self._weights: dict[tuple[int, int], Floats32] = {}
        for u, v in self._frequencies():
            some = self._near(features, u, v)
            gram = some.T @ some
            gram[np.diag_indices(len(gram))] += RIDGE * np.trace(gram) / len(gram)
            self._weights[u, v] = np.linalg.solve(gram, some.T @ targets[:, :, u, v])

    def pixels(self, latents: Latents) -> Floats32:
        """Pixels (n, 64, 64, 3) in [0, 1], of frequencies below `CUTOFF`."""
        features = self._features(latents) - self._means[0]
        spectrum = np.zeros((len(latents), 3, SIDE, SIDE), np.float32)
        spectrum[:, :, :CUTOFF, :CUTOFF] = self._means[1]
        for (u, v), weights in self._weights.items():
            spectrum[:, :, u, v] += self._near(features, u, v) @ weights
        matrix = dct_matrix(SIDE)
        pixels = matrix.T @ spectrum @ matrix
        return np.asarray(np.moveaxis(pixels, 1, 3).clip(0, 1), np.float32)

    @staticmethod
    def _frequencies() -> list[tuple[int, int]]:
        numbers = range(CUTOFF)
        return [(u, v) for u in numbers for v in numbers if np.hypot(u, v) < CUTOFF]

    @staticmethod
    def _near(features: Floats32, u: int, v: int) -> Floats32:
        near = features[:, :, max(u - 1, 0) : u + 2, max(v - 1, 0) : v + 2]
        return near.reshape(len(features), -1)

    @staticmethod
    def _features(latents: Latents) -> Floats32:
        matrix = dct_matrix(latents.shape[2])[:CUTOFF]
        return np.asarray(matrix @ latents @ matrix.T, np.float32)

    @staticmethod
    def _targets(images: Image) -> Floats32:
        matrix = dct_matrix(SIDE)[:CUTOFF]
        pixels = np.moveaxis(images, 3, 1).astype(np.float32) / 255
        return np.asarray(matrix @ pixels @ matrix.T, np.float32)


class Network(nn.Module):  # type: ignore[misc]
    """Improves the linear estimate, on the grid of 32 x 32 cells of 2 x 2 pixels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.scale = nn.BatchNorm2d(channels + 12)
        layers: list[nn.Module] = [nn.Conv2d(channels + 12, WIDTH, 3, padding=1)]
        for number in range(LAYERS - 1):
            dilation = 1 + number % 3  # so that an edge sees the tones on both of its sides
            layers += [nn.GELU(), nn.Conv2d(WIDTH, WIDTH, 3, padding=dilation, dilation=dilation)]
        self.body = nn.Sequential(*layers, nn.GELU(), nn.Conv2d(WIDTH, 12, 3, padding=1))

    def forward(self, linear: torch.Tensor, latents: torch.Tensor) -> torch.Tensor:
        """Pixels (n, 3, 64, 64) of the linear estimate and latents (n, channels, 32, 32)."""
        cells = nn.functional.pixel_unshuffle(linear, 2)
        added = self.body(self.scale(torch.cat([cells, latents], 1)))
        return linear + nn.functional.pixel_shuffle(added, 2)


class Inverter:
    """Turns vectors of one kind into pictures."""

    def __init__(self, undone: Undone, vectors: Vectors, images: Image, minutes: float) -> None:
        self._undone = undone
        latents = undone.latents(vectors)
        self._linear = Linear(latents[::2], images[::2])  # as good without the mirror images
        self._network = Network(latents.shape[1])
        self._train(latents, images, minutes)

    def _train(self, latents: Latents, images: Image, minutes: float) -> None:
        optimiser = torch.optim.Adam(self._network.parameters(), RATE)
        rng, start = np.random.default_rng(0), time.monotonic()
        self._network.train()
        while (done := (time.monotonic() - start) / (60 * minutes)) < 1:
            rows = rng.integers(len(images), size=BATCH)
            for group in optimiser.param_groups:
                group["lr"] = RATE * (1.01 - done)
            target = _as_tensor(images[rows].astype(np.float32) / np.float32(255))
            linear = _as_tensor(self._linear.pixels(latents[rows]))
            loss = (self._network(linear, torch.from_numpy(latents[rows])) - target).abs().mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        self._network.eval()

    def linear(self, vectors: Vectors) -> Floats32:
        """The first estimates, (n, 64, 64, 3) in [0, 1]."""
        return self._linear.pixels(self._undone.latents(vectors))

    def pixels(self, vectors: Vectors) -> Floats32:
        """The improved estimates, (n, 64, 64, 3) in [0, 1]."""
        latents = torch.from_numpy(self._undone.latents(vectors))
        with torch.no_grad():
            found = self._network(_as_tensor(self.linear(vectors)), latents)
        return np.asarray(found.clamp(0, 1).permute(0, 2, 3, 1), np.float32)


def _as_tensor(pixels: Floats32) -> torch.Tensor:
    return torch.from_numpy(pixels).permute(0, 3, 1, 2)


def psnr(first: Floats32, second: Floats32) -> float:
    """The mean PSNR of pictures in [0, 1], in decibels."""
    errors = np.square(first - second).mean(axis=(1, 2, 3))
    return float((-10 * np.log10(errors + 1e-10)).mean())


def ssim(first: Floats32, second: Floats32) -> float:
    """The mean SSIM of brightness in 8 x 8 windows, of pictures in [0, 1] (Wang et al. 2004)."""
    x, y = (
        np.lib.stride_tricks.sliding_window_view(each.mean(axis=3), (8, 8), axis=(1, 2))
        for each in (first, second)
    )
    mx, my, vx, vy = x.mean((3, 4)), y.mean((3, 4)), x.var((3, 4)), y.var((3, 4))
    covariance = (x * y).mean((3, 4)) - mx * my
    top = (2 * mx * my + 1e-4) * (2 * covariance + 9e-4)
    return float((top / ((mx**2 + my**2 + 1e-4) * (vx + vy + 9e-4))).mean())


def write_sheet(path: Path, columns: Sequence[Floats32], across: int = 2) -> None:
    """Write the contact sheet: in each row the pictures of all columns, several rows abreast."""
    rows = [
        np.concatenate([_enlarged(column[n]) for column in columns], axis=1)
        for n in range(len(columns[0]))
    ]
    count, gap = -(-len(rows) // across), np.full((SHOWN, 16, 3), 255, np.uint8)
    rows += [np.full_like(rows[0], 255)] * (across * count - len(rows))
    lines = []
    for n in range(count):
        line = [part for each in rows[n::count] for part in (each, gap)][:-1]
        lines.append(np.concatenate(line, axis=1))
    Pillow.fromarray(np.concatenate(lines)).save(path, quality=85)


def _enlarged(pixels: Floats32) -> Image:
    small = Pillow.fromarray((255 * pixels).round().astype(np.uint8))
    return np.asarray(small.resize((SHOWN, SHOWN), Pillow.Resampling.BICUBIC))


def main() -> None:
    """Print the table, and write the sheet."""
    parser = argparse.ArgumentParser(description="Turn fingerprints back into pictures.")
    parser.add_argument("pictures", nargs="+")
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=6)
    parser.add_argument("-o", "--output", type=Path)
    options = parser.parse_args()
    model, failures = open_model(), list[Failure]()
    assert isinstance(model.map, DctMap)
    photos = pictures(sorted(find_images([options.photos], failures.append)))
    photos = np.stack([photos, photos[:, :, ::-1]], axis=1).reshape(-1, SIDE, SIDE, 3)
    known, undone = Known.of(model, photos), Undone(model.map, photos, model)
    asked = pictures(sorted(find_images(options.pictures, failures.append)))
    original, of_asked = asked.astype(np.float32) / np.float32(255), Known.of(model, asked)
    columns = [original]
    print(f"{len(photos)} photos to learn from, {len(asked)} pictures\nfrom          PSNR   SSIM")
    for name, learned, given in (
        ("code", known.codes, of_asked.codes),
        ("fingerprint", known.signs, of_asked.signs),
    ):
        inverter = Inverter(undone, learned, photos, options.minutes / 2)
        for how, found in (("linear", inverter.linear(given)), ("network", inverter.pixels(given))):
            told = f"{psnr(original, found):6.2f}  {ssim(original, found):5.3f}"
            print(f"{name:11}  {told}  {how}", flush=True)
        columns.append(found)
    mean = np.broadcast_to(photos.mean(axis=0, dtype=np.float32) / np.float32(255), original.shape)
    print(f"{'no picture':11}  {psnr(original, mean):6.2f}  {ssim(original, mean):5.3f}")
    if options.output is not None:
        write_sheet(options.output, columns)


if __name__ == "__main__":
    main()
