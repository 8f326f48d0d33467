"""What a data set is to an experiment, and how a reader says what is missing."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from originid.errors import InputError
from originid.types import Pair


@dataclass(frozen=True)
class Dataset:
    """Pairs to judge, pairs to learn from, and photos to search among.

    Args:
        name: as given to `open_dataset`.
        train: pairs to learn from; None where what is learned is judged by cross-validation.
        test: pairs whose queries are judged.
        photos: folders or files of references beside the origins.
        generator: the manifest column that names the generator; empty where there is none.
        seen: prefix of that column's value that training may see; empty: all may be seen.
        note: in what the data differ from the paper's.
    """

    name: str
    train: tuple[Pair, ...] | None
    test: tuple[Pair, ...]
    photos: tuple[Path, ...]
    generator: str
    seen: str
    note: str


def missing_files(dataset: Dataset) -> Iterator[Path]:
    """Yield every file of the pairs, and every path of the photos, that is not there, each once.

    It looks at each file, which takes a minute for two million.
    """
    pairs = (*(dataset.train or ()), *dataset.test)
    paths = (path for pair in pairs for path in (pair.origin, pair.query))
    for path in dict.fromkeys([*paths, *dataset.photos]):
        if not path.exists():
            yield path


def require(name: str, folder: Path, parts: Mapping[str, str]) -> None:
    """Raise InputError that names every part that a data set lacks.

    Args:
        name: of the data set.
        folder: where it was looked for.
        parts: what there must be, relative to the folder, and where each comes from.
    """
    missing = {part: source for part, source in parts.items() if not (folder / part).exists()}
    if missing:
        raise InputError(
            f"data set {name} in {folder} lacks {', '.join(missing)}",
            f"expected them there; from {'; '.join(dict.fromkeys(missing.values()))}",
            f"put them there, or name the folder: {name}:FOLDER; docs/datasets.md has the layout",
        )


def make_pair(origin: Path, query: Path, group: str, **fields: str) -> Pair:
    """A pair as a manifest would give it: absolute paths, links followed; the group is its source.

    What shares a source is in one fold of a cross-validation.
    """
    origin, query = Path(os.path.realpath(origin)), Path(os.path.realpath(query))
    cells = {"origin": str(origin), "query": str(query), "source": group, **fields}
    return Pair(origin, query, group, cells)


def read_text(path: Path) -> str:
    """The text of a file of a data set.

    Raises:
        InputError: it cannot be read, or is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path}: {error}", "expected a text file in UTF-8", "get the file again"
        ) from error
