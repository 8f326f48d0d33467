"""OriPID, the data set of the paper."""

import re
from collections.abc import Iterator
from pathlib import Path

from originid.datasets.base import Dataset, make_pair, require
from originid.datasets.disc21 import find_image, reference_folders
from originid.errors import InputError
from originid.images.find_files import IMAGE_SUFFIXES
from originid.types import Pair

GENERATORS = ("SD2", "SDXL", "OpenDalle", "ColorfulXL", "Kandinsky-3", "SD3", "Kolors")
"""The generators of the test queries, in the order of the paper's tables.

The training queries are made by the first.
"""
_NAME = re.compile(r"([A-Z]\d{6})(?:_(\d+))?")
_HUB = "https://huggingface.co/datasets/WenhaoWang/OriPID"


def read_oripid(folder: Path) -> Dataset:
    """Read OriPID: 7 x 5,000 queries, 1,000,000 references, and 100,000 origins to train on.

    The references are those of DISC21. We do not know for certain which files the page of OriPID
    on Hugging Face holds. So the names that are expected here are those of DISC21, and those of
    the latents of the official code, ``<letter><6 digits of the origin>_<k>``
    (WangWenhao0716/ID2, ``sd2_d_multi_feature``). The folders are the following; links to folders
    are fine.

    - ``queries/GENERATOR`` has queries such as ``R123456.jpg`` or ``R123456_1.jpg``, which were
      made from the reference ``R123456``. GENERATOR is one of `GENERATORS`.
    - ``references`` has the references, in a layout that `read_disc21` describes.
    - ``train`` is optional. In it, or in folders inside it, ``T123456_0.jpg`` is the origin of
      ``T123456_1.jpg``, ``T123456_2.jpg`` and so on, all of which were made by SD2.

    Args:
        folder: the folder of the data set.

    Raises:
        InputError: if queries or references are missing, or an image has another name.
    """
    references = reference_folders(folder)
    parts = (
        {}
        if references
        else {"references": "DISC21, https://sites.google.com/view/isc2021/dataset"}
    )
    made = [name for name in GENERATORS if (folder / "queries" / name).is_dir()]
    if not made:
        parts |= {f"queries/{name}": _HUB for name in GENERATORS}
    require("oripid", folder, parts)
    test = tuple(
        make_pair(find_image(references, name), path, name, generator=generator)
        for generator in made
        for path, name, _ in _named(folder / "queries" / generator)
    )
    train = tuple(_training_pairs(folder / "train")) if (folder / "train").is_dir() else None
    absent = [name for name in GENERATORS if name not in made]
    lacks = [f"no queries of {', '.join(absent)}"] if absent else []
    lacks += [] if train else ["nothing to train on, so maps are cross-validated"]
    return Dataset(
        "oripid",
        train,
        test,
        tuple(references),
        "generator",
        GENERATORS[0],
        f"The paper's data{': ' if lacks else ''}{'; '.join(lacks)}.",
    )


def _training_pairs(folder: Path) -> Iterator[Pair]:
    """Yield the pairs of each origin, which has the number 0, and the images made from it."""
    members: dict[str, dict[int, Path]] = {}
    for path, name, number in _named(folder):
        members.setdefault(name, {})[number] = path
    for name, paths in members.items():
        # A missing origin keeps its usual path, so that it is counted as a missing file later.
        origin = paths.pop(0, folder / f"{name}_0.jpg")
        for number in sorted(paths):
            yield make_pair(origin, paths[number], name, generator=GENERATORS[0])


def _named(folder: Path) -> Iterator[tuple[Path, str, int]]:
    """Yield each image of a folder, also of folders inside it, with its origin's id and number."""
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in IMAGE_SUFFIXES:
            match = _NAME.fullmatch(path.stem)
            if match is None:
                raise InputError(
                    f"{path}: its name has no origin",
                    "expected a name like R123456_1.jpg: the id of the origin, and a number",
                    "rename it, or write a manifest and use pairs:FOLDER",
                )
            yield path, match[1], int(match[2] or 0)
