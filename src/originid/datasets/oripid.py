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
"""Of the test queries, in the order of the paper's tables; maps are trained on the first."""
_NAME = re.compile(r"([A-Z]\d{6})(?:_(\d+))?")
_HUB = "https://huggingface.co/datasets/WenhaoWang/OriPID"


def read_oripid(folder: Path) -> Dataset:
    """OriPID: 7 x 5,000 queries among DISC21's 1,000,000 references, 100,000 origins to train on.

    The list of files that its page on Hugging Face holds is not known here for certain. What is
    read is the naming of the official code's latents, ``<letter><6 digits of the origin>_<k>``
    (WangWenhao0716/ID2, ``sd2_d_multi_feature``), and of DISC21, in these folders; links do:

    - ``queries/GENERATOR/R123456.jpg`` or ``R123456_1.jpg``, GENERATOR one of `GENERATORS`, made
      from the reference ``R123456``;
    - ``references``, in a layout of `read_disc21`;
    - ``train``, if there is something to train on: ``T123456_0.jpg`` is the origin of
      ``T123456_1.jpg``, ``T123456_2.jpg`` and so on, also in folders below; all made by SD2.

    Raises:
        InputError: queries or references are missing, or an image is named otherwise.
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
    """Pairs of each origin (number 0) that is there with its translations."""
    members: dict[str, dict[int, Path]] = {}
    for path, name, number in _named(folder):
        members.setdefault(name, {})[number] = path
    for name, paths in members.items():
        origin = paths.pop(0, folder / f"{name}_0.jpg")
        for number in sorted(paths):
            yield make_pair(origin, paths[number], name, generator=GENERATORS[0])


def _named(folder: Path) -> Iterator[tuple[Path, str, int]]:
    """Images of a folder and below, sorted, with the id of the origin and the number."""
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
