"""The main job on photos and edits that the package carries.

The edits were made by the small diffusion models that originid carries: with 256 pixels and 5
million parameters they show the method, not what the edits of a large model look like.
"""

import shutil
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from originid.collection.collection import create_collection
from originid.datasets.pairs import read_pairs
from originid.finder import Finder
from originid.images.contact_sheet import Tile, write_sheet
from originid.images.decode import decode, read_bytes
from originid.indexing import add_images
from originid.model import open_model
from originid.system.storage import new_directory
from originid.types import Answer, Pair

HELD_OUT = 4  # of the edits' origins, the first: not indexed, so that none is the right answer


@dataclass(frozen=True)
class Trial:
    """One query of the demo: from what and how it was made, and what was found."""

    edit: Pair
    indexed: bool
    query: Path
    answer: Answer

    @property
    def photo(self) -> Path:
        """What the query was made from."""
        return self.edit.origin

    @property
    def right(self) -> bool:
        """Whether the answer names the origin, or none where the origin was not indexed."""
        if not self.indexed:
            return self.answer.verdict == "none"
        return self.answer.verdict == "origin" and self._names_the_origin

    @property
    def unsure(self) -> bool:
        """Whether the answer names the origin, for a person to look at."""
        return self.indexed and self.answer.verdict == "uncertain" and self._names_the_origin

    @property
    def _names_the_origin(self) -> bool:
        return Path(self.answer.matches[0].reference).name == self.photo.name


@dataclass(frozen=True)
class Demo:
    """What the demo did."""

    references: int
    trials: tuple[Trial, ...]
    sheet: Path


def run_demo(folder: Path) -> Demo:
    """Index the packaged photos but a few, and search the packaged edits.

    Args:
        folder: gets the photos, the queries, the collection and the contact sheet ``demo.png``;
            must be new or empty.

    Raises:
        InputError: ``folder`` exists.
        StorageError: the disk refuses.
    """
    package = Path(str(files("originid") / "data"))
    edits = read_pairs(package / "demo_edits" / "edits.csv")
    held_out = {edit.origin.name for edit in edits[:HELD_OUT]}
    with new_directory(folder) as temporary:
        (temporary / "photos").mkdir()
        (temporary / "queries").mkdir()
        for photo in sorted((package / "demo_photos").glob("*.jpg")):
            if photo.name not in held_out:
                shutil.copy(photo, temporary / "photos")
        for edit in edits:
            shutil.copy(edit.query, temporary / "queries")
    with create_collection(folder / "collection", open_model()) as collection:
        add_images(collection, [folder / "photos"])
        queries = [folder / "queries" / edit.query.name for edit in edits]
        answers = Finder(collection).find(queries)
        trials = tuple(
            Trial(edit, edit.origin.name not in held_out, Path(answer.query), answer)
            for edit, answer in zip(edits, answers, strict=True)
        )
        demo = Demo(len(collection), trials, folder / "demo.png")
    _draw(demo)
    return demo


def _draw(demo: Demo) -> None:
    rows = []
    for trial in demo.trials:
        best = trial.answer.matches[0]
        truth = trial.photo.name if trial.indexed else "not indexed"
        reference = decode(read_bytes(best.reference)).image
        rows.append(
            [
                Tile(
                    decode(read_bytes(trial.query)).image,
                    (trial.edit.fields["prompt"], f"made from: {truth}"),
                ),
                Tile(
                    reference,
                    (
                        f"{trial.answer.verdict.value if trial.answer.verdict else 'error'}: "
                        f"{Path(best.reference).name}",
                        trial.answer.reason,
                    ),
                ),
            ]
        )
    title = (
        f"originid demo: {len(demo.trials)} edits by small diffusion models against "
        f"{demo.references} photos; left the query, right the best match"
    )
    write_sheet(demo.sheet, title, rows, columns=4)
