"""From which cosine on are two queries nearly the same picture, so that a decision holds for both?

usage: python benchmarks/nearly_same.py PAIRS.csv [--origins 150] [--model default]

One edit of each origin is saved again, as sites do that pass pictures on, and compared with itself.
The table shows, for some cosines, the share of these copies that reach it. The last columns show
the share of other edits of the same origin that reach it, and the highest cosine of edits of
different origins. It takes 10 seconds for 1,202 pairs.
"""

import argparse
import io
import random
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image as Pillow

from originid.datasets.pairs import read_pairs
from originid.model import Model, open_model
from originid.types import Pair, Scores

COSINES = (0.98, 0.95, 0.9)
EDITS = 6  # of one origin that are compared with each other, at most


def saved(image: Pillow.Image, kind: str = "PNG", **how: int) -> bytes:
    """Return an image as the bytes of a file of this kind, saved as Pillow is told."""
    file = io.BytesIO()
    image.save(file, kind, **how)
    return file.getvalue()


def jpeg(image: Pillow.Image, quality: int) -> bytes:
    """Return an image as the bytes of a JPEG of this quality, from 1 to 95."""
    return saved(image, "JPEG", quality=quality)


def webp(image: Pillow.Image) -> bytes:
    """Return an image as the bytes of a WebP of quality 80."""
    return saved(image, "WEBP", quality=80)


def narrow(image: Pillow.Image) -> bytes:
    """Return an image, made 512 pixels wide, as the bytes of a JPEG of quality 85."""
    height = max(1, 512 * image.height // image.width)
    return jpeg(image.resize((512, height), Pillow.Resampling.BICUBIC), 85)


def halved(image: Pillow.Image) -> bytes:
    """Return an image at half of its size as the bytes of a JPEG of quality 85."""
    size = (max(1, image.width // 2), max(1, image.height // 2))
    return jpeg(image.resize(size, Pillow.Resampling.BICUBIC), 85)


COPIES: dict[str, Callable[[Pillow.Image], bytes]] = {
    "JPEG 90": lambda image: jpeg(image, 90),
    "JPEG 75": lambda image: jpeg(image, 75),
    "JPEG 50": lambda image: jpeg(image, 50),
    "WebP 80": webp,
    "512 px wide": narrow,
    "half size": halved,
}


def cosines_of_copies(model: Model, edits: list[Pair]) -> dict[str, Scores]:
    """The cosine (n,) of each edit with each kind of its copies, by the name of the kind."""
    vectors = model.encode([edit.query for edit in edits])
    images = [Pillow.open(edit.query).convert("RGB") for edit in edits]
    return {
        name: np.einsum("ij,ij->i", vectors, model.encode([copy(image) for image in images]))
        for name, copy in COPIES.items()
    }


def cosines_of_others(
    model: Model, groups: list[list[Pair]], edits: list[Pair]
) -> tuple[Scores, float]:
    """The cosines (n,) of edits of one origin, and the highest of edits of different origins."""
    same = []
    for pairs in groups:
        vectors = model.encode([pair.query for pair in pairs[:EDITS]])
        same.append((vectors @ vectors.T)[np.triu_indices(len(vectors), 1)])
    vectors = model.encode([edit.query for edit in edits])
    return np.concatenate(same), float((vectors @ vectors.T)[np.triu_indices(len(edits), 1)].max())


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Cosines of queries that were saved again.")
    parser.add_argument("pairs", type=Path)
    parser.add_argument("--origins", type=int, default=150)
    parser.add_argument("--model", default="default")
    options = parser.parse_args()
    by_group: dict[str, list[Pair]] = defaultdict(list)
    for pair in read_pairs(options.pairs):
        by_group[pair.group].append(pair)
    groups = [by_group[name] for name in sorted(by_group)]
    chosen = random.Random(0)
    chosen.shuffle(groups)
    edits = [chosen.choice(pairs) for pairs in groups[: options.origins]]
    model = open_model(options.model)
    columns = cosines_of_copies(model, edits)
    columns["another edit"], highest = cosines_of_others(model, groups, edits)
    print("cosine  " + "  ".join(columns))
    for cosine in COSINES:
        shares = (f"{100 * np.mean(values >= cosine):.1f}" for values in columns.values())
        cells = (share.rjust(len(name)) for name, share in zip(columns, shares, strict=True))
        print(f"{cosine:<6}  " + "  ".join(cells))
    print(f"edits of different origins: at most {highest:.2f}")


if __name__ == "__main__":
    main()
