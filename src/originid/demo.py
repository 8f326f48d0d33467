"""The main job on photos that the package carries.

The queries are made here with plain image processing, not by a diffusion model: what they show
is that the layout of a photo is enough to find it, not how well edits of a real model are found.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PILImage
from PIL import ImageFilter

from originid.adding import add_images
from originid.collection import create_collection
from originid.finder import Finder
from originid.images import decode, read_bytes
from originid.model import open_model
from originid.sheet import Tile, write_sheet
from originid.storage import new_directory
from originid.text import percent
from originid.types import Answer, Image


def repaint(image: Image, rng: np.random.Generator) -> Image:
    """Broad strokes in few tones: details go, areas stay."""
    picture = PILImage.fromarray(image).filter(ImageFilter.ModeFilter(11))
    picture = picture.quantize(8, dither=PILImage.Dither.NONE).convert("RGB")
    return np.asarray(picture.filter(ImageFilter.GaussianBlur(1.5)))


def recolour(image: Image, rng: np.random.Generator) -> Image:
    """Every hue turned by 140 to 220 degrees, tones bent, grain added."""
    hue, saturation, value = PILImage.fromarray(image).convert("HSV").split()
    shift = np.uint8(rng.integers(100, 156))
    hue = PILImage.fromarray(np.asarray(hue) + shift)
    turned = np.asarray(PILImage.merge("HSV", (hue, saturation, value)).convert("RGB")) / 255
    grain = rng.normal(0, 0.06, image.shape)
    return _to_image(turned ** rng.uniform(0.5, 0.8) + grain)


def redraw(image: Image, rng: np.random.Generator) -> Image:
    """Only the layout at 1/12 of the size stays; texture of the same roughness is invented."""
    height, width = image.shape[:2]
    picture = PILImage.fromarray(image)
    small = picture.resize((max(width // 12, 1), max(height // 12, 1)), PILImage.Resampling.BOX)
    layout = np.asarray(small.resize((width, height), PILImage.Resampling.BICUBIC)) / 255
    roughness = (np.asarray(picture) / 255 - layout).std()
    texture = sum(_noise(rng, height, width, cell) for cell in (2, 4, 8)) * roughness
    return _to_image(layout * rng.uniform(0.8, 1.1, 3) + texture)


def invert(image: Image, rng: np.random.Generator) -> Image:
    """A negative, blurred: every tone is wrong, only edges stay."""
    picture = PILImage.fromarray(255 - image).filter(ImageFilter.GaussianBlur(2))
    return _to_image(np.asarray(picture) / 255 * 0.8 + 0.1)


ALTERATIONS: tuple[Callable[[Image, np.random.Generator], Image], ...] = (
    repaint,
    recolour,
    redraw,
    invert,
)


@dataclass(frozen=True)
class Trial:
    """One query of the demo: from what it was made, and what was found."""

    photo: Path
    indexed: bool
    query: Path
    answer: Answer

    @property
    def right(self) -> bool:
        """Whether the answer names the origin, or none where the origin was not indexed."""
        if not self.indexed:
            return self.answer.verdict == "none"
        best = Path(self.answer.matches[0].reference).name if self.answer.matches else ""
        return self.answer.verdict == "origin" and best == self.photo.name


@dataclass(frozen=True)
class Demo:
    """What the demo did."""

    references: int
    trials: tuple[Trial, ...]
    sheet: Path


def run_demo(folder: Path, queries: int = 12, held_out: int = 4, seed: int = 1) -> Demo:
    """Index the packaged photos but a few, and search altered copies of some of each.

    Args:
        folder: gets the photos, the queries, the collection and the contact sheet ``demo.png``;
            must be new or empty.
        queries: how many altered copies of indexed photos are searched.
        held_out: how many photos are not indexed; an altered copy of each is searched too, and
            the right answer is none.
        seed: decides which photos, and how they are altered.

    Raises:
        InputError: ``folder`` exists.
        StorageError: the disk refuses.
    """
    rng = np.random.default_rng(seed)
    photos = _photos()
    order = [photos[i] for i in rng.permutation(len(photos))]
    chosen = order[: held_out + queries]
    with new_directory(folder) as temporary:
        (temporary / "photos").mkdir()
        (temporary / "queries").mkdir()
        for photo in order[held_out:]:
            shutil.copy(photo, temporary / "photos")
        names = [_alter(photo, i, temporary / "queries", rng) for i, photo in enumerate(chosen)]
    with create_collection(folder / "collection", open_model()) as collection:
        add_images(collection, [folder / "photos"])
        answers = Finder(collection).find([folder / "queries" / name for name in names])
        trials = tuple(
            Trial(photo, i >= held_out, Path(answer.query), answer)
            for i, (photo, answer) in enumerate(zip(chosen, answers, strict=True))
        )
        demo = Demo(len(collection), trials, folder / "demo.png")
    _draw(demo)
    return demo


def _photos() -> list[Path]:
    folder = Path(str(files("originid") / "demo_photos"))
    return sorted(folder.glob("*.jpg"))


def _alteration(place: int) -> Callable[[Image, np.random.Generator], Image]:
    return ALTERATIONS[place % len(ALTERATIONS)]


def _alter(photo: Path, place: int, folder: Path, rng: np.random.Generator) -> str:
    """Write an altered copy of a photo; return its name."""
    alteration = _alteration(place)
    name = f"{photo.stem}-{alteration.__name__}.jpg"
    altered = alteration(decode(read_bytes(photo)).image, rng)
    PILImage.fromarray(altered).save(folder / name, quality=90)
    return name


def _draw(demo: Demo) -> None:
    rows = []
    for trial in demo.trials:
        best = trial.answer.matches[0]
        truth = trial.photo.name if trial.indexed else "not indexed"
        reference = decode(read_bytes(best.reference)).image
        rows.append(
            [
                Tile(
                    decode(read_bytes(trial.query)).image, (trial.query.name, f"made from: {truth}")
                ),
                Tile(
                    reference,
                    (
                        f"{trial.answer.verdict.value if trial.answer.verdict else 'error'}: "
                        f"{Path(best.reference).name}",
                        f"score {best.score:.2f}, sure {percent(best.confidence)}",
                    ),
                ),
            ]
        )
    title = (
        f"originid demo: {len(demo.trials)} altered copies (image processing, no diffusion model) "
        f"against {demo.references} photos; left the query, right the best match"
    )
    write_sheet(demo.sheet, title, rows, columns=4)


def _to_image(values: NDArray[np.float64]) -> Image:
    return (np.clip(values, 0, 1) * 255).astype(np.uint8)


def _noise(rng: np.random.Generator, height: int, width: int, cell: int) -> NDArray[np.float64]:
    """Smooth noise (h, w, 1) whose grains are ``cell`` pixels wide."""
    small = rng.normal(0, 1, (height // cell + 2, width // cell + 2)).astype(np.float32)
    large = PILImage.fromarray(small).resize((width, height), PILImage.Resampling.BICUBIC)
    return np.asarray(large, np.float64)[..., None]
