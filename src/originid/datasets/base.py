"""What every data set offers, and what its readers share."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from originid.errors import InputError
from originid.system.small_files import read_small_file
from originid.types import Pair

MOST_BYTES = 1_000_000_000  # of a text file of a data set; those of the published sets have less


@dataclass(frozen=True)
class Dataset:
    """Pairs to judge, pairs to learn from, and photos to search among.

    Args:
        name: the name of the data set, a key of `DATASETS`.
        train: the pairs to learn from. None means that there is no fixed division, so that maps
            are judged by cross-validation on the pairs of ``test``.
        test: the pairs whose queries are judged.
        photos: folders or files of further references, beside the origins.
        generator: the manifest column that names the generator of a query, or an empty text if
            there is none.
        seen: training may use only pairs whose generator begins with this text; an empty text
            allows all pairs.
        note: a sentence that says how the data differ from those of the paper.
    """

    name: str
    train: tuple[Pair, ...] | None
    test: tuple[Pair, ...]
    photos: tuple[Path, ...]
    generator: str
    seen: str
    note: str


def missing_files(dataset: Dataset) -> Iterator[Path]:
    """Yield every file of the pairs, and every path of the photos, that does not exist, each once.

    Every file is looked for, which takes about a minute for two million files.

    Args:
        dataset: the data set.
    """
    pairs = (*(dataset.train or ()), *dataset.test)
    paths = (path for pair in pairs for path in (pair.origin, pair.query))
    for path in dict.fromkeys([*paths, *dataset.photos]):
        if not os.path.exists(path):
            yield path


def require(name: str, folder: Path, parts: Mapping[str, str]) -> None:
    """Check that the files and folders of a data set exist.

    Args:
        name: the name of the data set.
        folder: the folder of the data set.
        parts: the paths that must exist, relative to the folder, and for each of them a text that
            says where it can be had.

    Raises:
        InputError: if some are missing; the error names all of them.
    """
    missing = {path: source for path, source in parts.items() if not os.path.exists(folder / path)}
    if missing:
        raise InputError(
            f"data set {name} in {folder} lacks {', '.join(missing)}",
            f"expected them there; from {'; '.join(dict.fromkeys(missing.values()))}",
            f"put them there, or name the folder: {name}:FOLDER; docs/datasets.md has the layout",
        )


def make_pair(origin: Path, query: Path, group: str, **fields: str) -> Pair:
    """Make a pair as a manifest would give it.

    Its source is its group, and pairs of one source are always in one fold of a cross-validation.

    Args:
        origin: the path of the origin; the pair gets its absolute path, with links resolved.
        query: the path of the query, likewise.
        group: the name of the group.
        fields: further cells of the manifest by column.
    """
    origin, query = Path(os.path.realpath(origin)), Path(os.path.realpath(query))
    cells = {"origin": str(origin), "query": str(query), "source": group, **fields}
    return Pair(origin, query, group, cells)


def read_text(path: Path) -> str:
    """Read a text file of a data set.

    Args:
        path: the path of the file, which is in UTF-8; a byte order mark is allowed.

    Raises:
        InputError: if the file cannot be read, is no regular file, has more than `MOST_BYTES`, or
            is not UTF-8.
    """
    try:
        return read_small_file(path, MOST_BYTES).decode("utf-8-sig")
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path}: {error}", "expected a text file in UTF-8", "get the file again"
        ) from error
