"""Are photos found that were saved again, above all those that have a frame?

usage: python benchmarks/saved_again.py PHOTOS [--plain 200] [--framed]

All photos of a folder are indexed, and some are saved again and asked: those that have a frame
(`originid.verdict.margins`), and as many others as ``--plain`` says. A line tells how many of them
get the verdict origin with the right photo first. ``--framed`` also tells what the threshold of
`originid.query_vectors` rests on: how alike the contents of different photos of this folder are,
that have a frame of one kind. It takes two minutes for 5,800 photos.
"""

import argparse
import random
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image as Pillow
from PIL import ImageEnhance

from nearly_same import jpeg, saved
from originid import Finder, add_images, create_collection, open_model
from originid.images.find_files import find_images
from originid.latents.encode_files import Encoded, encode_sources
from originid.latents.sources import Source
from originid.model import Model
from originid.query_vectors import content_shares, without_frames
from originid.types import Verdict
from originid.verdict.margins import framed
from picture_kinds import FRAMES
from reporting import machine

Photo = Pillow.Image
SIZE = 60  # photos in a frame of one kind


def trimmed(photo: Photo) -> Photo:
    """A photo without one pixel of a hundred at each side."""
    width, height = (max(1, side // 100) for side in photo.size)
    return photo.crop((width, height, photo.width - width, photo.height - height))


SAVED: dict[str, Callable[[Photo], bytes]] = {
    "PNG": saved,
    "JPEG 75": lambda photo: jpeg(photo, 75),
    "JPEG 30": lambda photo: jpeg(photo, 30),
    "half the size": lambda photo: saved(photo.resize((photo.width // 2, photo.height // 2))),
    "8 % brighter": lambda photo: saved(ImageEnhance.Brightness(photo).enhance(1.08)),
    "15 % more contrast": lambda photo: saved(ImageEnhance.Contrast(photo).enhance(1.15)),
    "without colours": lambda photo: saved(photo.convert("L").convert("RGB")),
    "1 % cut off each side": lambda photo: saved(trimmed(photo)),
}


def encoded(sources: Sequence[Source], model: Model) -> list[Encoded]:
    """The pictures that can be used."""
    chunks = encode_sources(sources, model.encoder)
    return [each for chunk in chunks for each in chunk if isinstance(each, Encoded)]


def opened(path: str) -> Photo:
    """A photo in colours."""
    with Pillow.open(path) as image:
        return image.convert("RGB")


def found(finder: Finder, photos: Sequence[str]) -> None:
    """Print how many photos are found that were saved again."""
    for way, save in SAVED.items():
        queries = [Source(photo, save(opened(photo))) for photo in photos]
        right = no_origin = 0
        for photo, answer in zip(photos, finder.find(queries, top=1), strict=True):
            first = bool(answer.matches) and answer.matches[0].reference == photo
            right += first and answer.verdict is Verdict.ORIGIN
            no_origin += answer.verdict is Verdict.NONE
        print(f"| {way} | {len(photos)} | {right} | {no_origin} |", flush=True)


def contents(model: Model, photos: Sequence[str]) -> None:
    """Print how alike the contents of different photos in a frame of one kind are."""
    print("\n| frame | framed | share of the content, median | highest cosine of contents |")
    print("|---|---|---|---|")
    for kind, frame in FRAMES.items():
        rng = random.Random(kind)
        images = [frame(opened(photo), rng) for photo in photos]
        some = encoded([Source("", saved(image)) for image in images], model)
        whole = model.vectors(np.stack([each.latent for each in some]))
        cosines = whole @ whole.T
        np.fill_diagonal(cosines, -1)
        rows = np.flatnonzero(framed(np.stack([each.thumbnail for each in some])))
        if len(rows):
            latents = np.stack([some[row].latent for row in rows.tolist()])
            shares = content_shares(model, without_frames(model, some)[0][rows], latents)
            highest = (1 - (1 - cosines[rows].max(axis=1)) / shares).max()
            print(f"| {kind} | {len(rows)} | {np.median(shares):.2f} | {highest:.2f} |", flush=True)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description="Photos that were saved again.")
    parser.add_argument("photos", type=Path)
    parser.add_argument("--plain", type=int, default=200)
    parser.add_argument("--framed", action="store_true")
    options = parser.parse_args()
    print(machine())
    model = open_model()
    paths = list(find_images([options.photos], lambda failure: None))
    names = random.Random(0).sample(paths, len(paths))
    every = encoded([Source(name) for name in paths], model)
    has_frame = framed(np.stack([each.thumbnail for each in every]))
    framed_ones = [each.source.name for each, has in zip(every, has_frame, strict=True) if has]
    plain = [name for name in names if name not in set(framed_ones)][: options.plain]
    with tempfile.TemporaryDirectory() as folder, create_collection(f"{folder}/c", model) as made:
        add_images(made, [options.photos])
        for about, photos in (("with a frame", framed_ones), ("without", plain)):
            print(f"\n| {about}, saved as | photos | right, origin | none |\n|---|---|---|---|")
            found(Finder(made), photos)
    if options.framed:
        contents(model, plain[:SIZE])


if __name__ == "__main__":
    main()
