"""Draws the picture of the demo: photos, edits of them, the edits dressed up, and the answers."""

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

import numpy as np
from PIL import Image as Pillow

from originid.demo.trials import Trial
from originid.images.contact_sheet import TILE, Tile, write_sheet
from originid.images.decode import decode, read_bytes
from originid.types import Image

TITLE = (
    "A photo, an AI edit of it, and the edit dressed up. "
    "Below each edit: what originid answers from a collection of {} photos."
)
FOUND, NONE, MISSED, WRONG = "#1a7f37", "#0b5cad", "#b35900", "#c00000"
WORDS = {
    "post": "in a post on a phone",
    "meme": "mirrored, with text",
    "story": "cut to an upright story",
    "collage": "beside another picture",
    "cutting": "mirrored, cut, strong JPEG",
    "poster": "on a poster",
}
"""How an edit was dressed up, as a caption says it."""


def draw_sheet(path: Path, references: int, trials: Sequence[Trial], columns: int) -> None:
    """Draw a row of three pictures for each photo.

    Args:
        path: the file of the picture, a PNG or a JPEG.
        references: the number of photos in the collection.
        trials: the queries; those of a photo follow one another.
        columns: the number of rows that stand side by side.

    Raises:
        StorageError: the disk refuses.
    """
    rows = []
    for photo, group in groupby(trials, key=lambda trial: trial.photo):
        of_photo = list(group)
        rows.append([_photo(photo, of_photo), *map(_query, of_photo)])
    write_sheet(path, TITLE.format(references), rows, columns)


def _photo(photo: Path, trials: Sequence[Trial]) -> Tile:
    indexed = trials[0].indexed
    where = "a photo of the collection" if indexed else "NOT in the collection"
    return Tile(_filling(photo), (photo.name, where))


def _query(trial: Trial) -> Tile:
    how = WORDS[trial.dress] if trial.dress else trial.edit.fields["prompt"]
    answer, colour = _answer(trial)
    return Tile(_filling(trial.query), (how, answer), colour)


def _answer(trial: Trial) -> tuple[str, str]:
    verdict = trial.answer.verdict.value if trial.answer.verdict else "error"
    named = Path(trial.answer.matches[0].reference).name
    if trial.wrong:
        return f"{verdict}: {named}, which is wrong", WRONG
    if trial.right:
        return (f"origin: {named}", FOUND) if trial.indexed else ("none, which is right", NONE)
    return ("none: missed" if verdict == "none" else f"{verdict}: {named}"), MISSED


def _filling(path: Path) -> Image:
    """An image that fills its tile: some are smaller."""
    picture = Pillow.fromarray(decode(read_bytes(path)).image)
    factor = TILE / max(picture.size)
    width, height = (max(1, round(side * factor)) for side in picture.size)
    return np.asarray(picture.resize((width, height), Pillow.Resampling.LANCZOS))
