"""Runs the demo: photos are indexed, and edits of them are searched for, plain and dressed up.

The edits were made by the small diffusion models that originid carries. Each is asked twice: as
the model made it, and dressed up as people do before they share a picture.
"""

import shutil
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

from PIL import Image as Pillow

from originid.answer import Answer
from originid.collection.collection import create_collection
from originid.datasets.pairs import read_pairs
from originid.demo.cleaning import sign
from originid.demo.dressing import DRESSINGS, collage
from originid.demo.sheet import draw_sheet
from originid.demo.trials import Demo, Trial
from originid.finder import Finder
from originid.images.decode import decode, read_bytes
from originid.indexing import add_images
from originid.model import open_model
from originid.system.storage import new_directory
from originid.types import Image, Pair

PACKAGE = Path(str(files("originid") / "data"))
BESIDE = "singapore.jpg"  # what stands beside an edit in a collage
NOT_INDEXED = ("colosseum.jpg", BESIDE)  # so that the right answer to edits of the first is none
QUALITY = 85  # of the JPEG files of dressed queries


def run_demo(folder: Path) -> Demo:
    """Index the packaged photos but a few, and search for the packaged edits.

    Args:
        folder: gets the photos, the queries, the collection and the picture ``demo.png``; must be
            new or empty.

    Raises:
        InputError: ``folder`` exists.
        StorageError: the disk refuses.
    """
    edits = read_pairs(PACKAGE / "demo_edits" / "edits.csv")
    with new_directory(folder) as temporary:
        (temporary / "photos").mkdir()
        (temporary / "queries").mkdir()
        for photo in sorted((PACKAGE / "demo_photos").glob("*.jpg")):
            if photo.name not in NOT_INDEXED:
                shutil.copy(photo, temporary / "photos")
        for edit in edits:
            for name, image in _queries(edit):
                if image is None:
                    shutil.copy(edit.query, temporary / "queries" / name)
                else:
                    picture = Pillow.fromarray(image)
                    picture.save(temporary / "queries" / name, quality=QUALITY)
        sign(temporary)
    with create_collection(folder / "collection", open_model()) as collection:
        add_images(collection, [folder / "photos"])
        asked = [(edit, name) for edit in edits for name, _ in _queries(edit)]
        answers = Finder(collection).find([folder / "queries" / name for _, name in asked])
        trials = tuple(
            _trial(edit, folder / "queries" / name, answer)
            for (edit, name), answer in zip(asked, answers, strict=True)
        )
        demo = Demo(len(collection), trials, folder)
    draw_sheet(demo.sheet, demo.references, demo.trials, columns=2)
    sign(folder)  # now with the picture
    return demo


def _queries(edit: Pair) -> Iterator[tuple[str, Image | None]]:
    """The names of an edit's two queries, the second with its image."""
    yield edit.query.name, None
    dress = edit.fields["dress"]
    image = decode(read_bytes(edit.query)).image
    if dress == "collage":
        dressed = collage(image, decode(read_bytes(PACKAGE / "demo_photos" / BESIDE)).image)
    else:
        dressed = DRESSINGS[dress](image)
    yield f"{edit.query.stem}-{dress}.jpg", dressed


def _trial(edit: Pair, query: Path, answer: Answer) -> Trial:
    plain = query.name == edit.query.name
    dress, why = ("", "") if plain else (edit.fields["dress"], edit.fields["why"])
    return Trial(edit, dress, why, edit.origin.name not in NOT_INDEXED, query, answer)
