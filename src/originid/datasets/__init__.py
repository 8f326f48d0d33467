"""Opens data sets by name: pairs to learn from and to judge, and photos to search among."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from originid.datasets.base import Dataset, missing_files
from originid.datasets.disc21 import read_disc21
from originid.datasets.manifests import read_folder, read_realpairs
from originid.datasets.oripid import read_oripid
from originid.datasets.seed_data_edit import read_seed_data_edit
from originid.errors import InputError
from originid.system.text import closest

DATASETS: Mapping[str, Callable[[Path], Dataset]] = {
    "realpairs": read_realpairs,
    "oripid": read_oripid,
    "disc21": read_disc21,
    "seed-data-edit": read_seed_data_edit,
    "pairs": read_folder,
}
"""For each data set, by its name, the function that reads its folder."""

__all__ = ["DATASETS", "Dataset", "absolute_name", "missing_files", "open_dataset"]


def open_dataset(text: str) -> Dataset:
    """Read a data set.

    Args:
        text: ``NAME`` or ``NAME:FOLDER``, where NAME is a key of `DATASETS`. Without a folder, the
            data set is looked for in ``$ORIGINID_DATA/NAME``, or in ``./NAME`` if that variable is
            not set. For realpairs it may also be ``$ORIGINID_DATA`` itself, if that folder holds
            ``pairs/manifest.csv``.

    Raises:
        InputError: if the name is unknown, or files are missing or unusable; the error names them.
    """
    name, folder = _parse(text)
    try:
        found = DATASETS[name](folder)
    except OSError as error:  # a name that is too long, or a folder that may not be read
        raise InputError(
            f"data set {name} in {folder} cannot be read: {error.strerror}",
            "expected a folder that can be read",
            "check its path and its permissions",
        ) from error
    if not found.test:
        raise InputError(
            f"data set {name} in {folder} has no pair to judge",
            "expected at least one query with its origin",
            "check that its files are complete; docs/datasets.md has the layout",
        )
    return found


def absolute_name(text: str) -> str:
    """Write the name of a data set so that it works from any folder.

    Args:
        text: ``NAME`` or ``NAME:FOLDER``, as for `open_dataset`.

    Returns:
        ``NAME:FOLDER``, where the folder is an absolute path with all links resolved.

    Raises:
        InputError: if the name is unknown.
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
            closest(name, DATASETS, "choose one; docs/datasets.md describes them"),
        )
    return name, Path(given) if given else _default(name)


def _default(name: str) -> Path:
    data = Path(os.environ.get("ORIGINID_DATA", "."))
    if name == "realpairs" and (data / "pairs" / "manifest.csv").exists():
        return data
    return data / name
