"""Data sets by name: pairs to learn from and to judge, and photos to search among."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from originid.datasets.base import Dataset, missing_files
from originid.datasets.disc21 import read_disc21
from originid.datasets.manifests import read_folder, read_realpairs
from originid.datasets.oripid import read_oripid
from originid.datasets.seed_data_edit import read_seed_data_edit
from originid.errors import InputError

DATASETS: Mapping[str, Callable[[Path], Dataset]] = {
    "realpairs": read_realpairs,
    "oripid": read_oripid,
    "disc21": read_disc21,
    "seed-data-edit": read_seed_data_edit,
    "pairs": read_folder,
}
"""The reader of each data set: a folder to what is in it."""

__all__ = ["DATASETS", "Dataset", "absolute_name", "missing_files", "open_dataset"]


def open_dataset(text: str) -> Dataset:
    """Read a data set.

    Args:
        text: ``NAME`` or ``NAME:FOLDER``, NAME one of `DATASETS`. Without a folder it is
            ``$ORIGINID_DATA/NAME``, or ``./NAME`` where that variable is not set; for realpairs
            ``$ORIGINID_DATA`` itself, if it holds ``pairs/manifest.csv``.

    Raises:
        InputError: an unknown name, or parts that are missing or unusable, each by its name.
    """
    name, folder = _parse(text)
    found = DATASETS[name](folder)
    if not found.test:
        raise InputError(
            f"data set {name} in {folder} has no pair to judge",
            "expected at least one query with its origin",
            "check that its files are complete; docs/datasets.md has the layout",
        )
    return found


def absolute_name(text: str) -> str:
    """``NAME:FOLDER`` with the folder that a text names, whole and with links followed.

    Raises:
        InputError: an unknown name.
    """
    name, folder = _parse(text)
    return f"{name}:{os.path.realpath(folder)}"


def _parse(text: str) -> tuple[str, Path]:
    """The name and the folder that a text names."""
    name, _, given = text.partition(":")
    if name not in DATASETS:
        raise InputError(
            f"data set {text!r}",
            f"expected one of {', '.join(DATASETS)}, or NAME:FOLDER",
            "choose one; docs/datasets.md describes them",
        )
    return name, Path(given) if given else _default(name)


def _default(name: str) -> Path:
    data = Path(os.environ.get("ORIGINID_DATA", "."))
    if name == "realpairs" and (data / "pairs" / "manifest.csv").exists():
        return data
    return data / name
