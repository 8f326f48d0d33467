"""Data sets that consist of a pairs manifest and a folder of photos."""

from pathlib import Path

from originid.datasets.base import Dataset, require
from originid.datasets.pairs import read_pairs
from originid.types import Pair

GENERATOR_COLUMNS = ("generator", "model", "method")
"""Columns of a manifest that may name the generator; the first that exists is used."""


def read_realpairs(folder: Path) -> Dataset:
    """Read RealPairs: ``pairs/manifest.csv`` and the folder ``photos``.

    Maps are judged on it by cross-validation.

    Args:
        folder: the folder of the data set.

    Raises:
        InputError: if the manifest or the photos are missing, or the manifest is unusable.
    """
    source = "RealPairs, which is not published: docs/evaluation.md says why"
    require("realpairs", folder, {"pairs/manifest.csv": source, "photos": source})
    pairs = read_pairs(folder / "pairs" / "manifest.csv")
    return Dataset(
        "realpairs",
        None,
        tuple(pairs),
        (folder / "photos",),
        "model",
        "SD 1",
        f"RealPairs: {len(pairs):,} edits of {len({pair.origin for pair in pairs}):,} origins by "
        "many generators and methods, published by their authors, among these origins and photos; "
        "the paper has 5,000 queries of each of 7 generators, image to image at one strength, "
        "among 1,000,000 references. Maps are cross-validated by source.",
    )


def read_folder(folder: Path) -> Dataset:
    """Read any pairs: those that ``originid generate`` writes, or a manifest of your own.

    If both ``train.csv`` and ``test.csv`` exist, maps are learned from the first and judged on the
    second. Otherwise ``pairs.csv`` or ``manifest.csv`` is read, and maps are judged by
    cross-validation. The folder ``photos`` holds further references, if it exists.

    Args:
        folder: the folder of the data set.

    Raises:
        InputError: if there is no manifest, or it is unusable.
    """
    photos = (folder / "photos",) if (folder / "photos").is_dir() else ()
    train: tuple[Pair, ...] | None = None
    if (folder / "train.csv").exists() and (folder / "test.csv").exists():
        train = tuple(read_pairs(folder / "train.csv"))
        test = tuple(read_pairs(folder / "test.csv"))
    else:
        name = "pairs.csv"
        if not (folder / name).exists() and (folder / "manifest.csv").exists():
            name = "manifest.csv"
        require("pairs", folder, {name: "originid generate, or a manifest of your own"})
        test = tuple(read_pairs(folder / name))
    columns = [name for name in GENERATOR_COLUMNS if name in test[0].fields]
    return Dataset(
        "pairs",
        train,
        test,
        photos,
        columns[0] if columns else "",
        "",
        f"The pairs of {folder.resolve().name}; the paper's are OriPID.",
    )
