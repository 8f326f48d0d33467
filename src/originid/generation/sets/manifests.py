"""The manifests of a set, made from the rows of all shards, and a picture of some pairs."""

import csv
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from originid.errors import ImageError
from originid.generation.sets.origins import TEST, TRAIN, Origin
from originid.generation.sets.rows import ImageSetRow
from originid.generation.sets.shards import ImageSet
from originid.images.contact_sheet import Tile, write_sheet
from originid.images.decode import decode, read_bytes
from originid.system.csv_rows import guarded, read_rows
from originid.system.storage import new_file, storage_errors
from originid.types import Failure, Image

COLUMNS = (
    *("origin", "query", "origin_group", "prompt", "generator", "strength", "kind", "source"),
    *("split", "seed"),
)
FAILURES = ("origin", "prompt", "generator", "strength", "reason")
SHOWN = 24  # pairs on the contact sheet


@dataclass(frozen=True)
class ManifestCounts:
    """How many pairs and failures the manifests of a set hold.

    Args:
        pairs: The number of pairs.
        train: The number of pairs on the training side.
        test: The number of pairs on the test side.
        failures: The number of failures.
    """

    pairs: int
    train: int
    test: int
    failures: int


def write_manifests(
    image_set: ImageSet,
    origins: Iterable[Origin],
    sides: Mapping[str, str],
    failures: Sequence[Failure],
) -> ManifestCounts:
    """Write the manifests ``pairs.csv`` and ``failures.csv``.

    With a test share, ``train.csv`` and ``test.csv`` are written too.

    Each file replaces the previous one when it is complete. Rows that other processes are writing
    meanwhile may be missing; they appear with the next call.

    Args:
        image_set: The set whose rows are written.
        origins: The origins of this run, with their present paths. For other origins the path is
            taken from their rows.
        sides: The side of each origin, ``train`` or ``test``, by SHA-256. A pair whose origin is
            not there is on neither side.
        failures: The files that could not be read at all.

    Returns:
        How many pairs and failures were written.

    Raises:
        StorageError: The disk refuses.
    """
    folder = image_set.folder
    places = {origin.sha256: _relative(folder, origin.path) for origin in origins}
    names = ["pairs", *([TRAIN, TEST] if image_set.settings.test else [])]
    count: Counter[str] = Counter()
    with storage_errors(folder), ExitStack() as stack:
        files = {name: _table(stack, folder / f"{name}.csv", COLUMNS) for name in names}
        failed = _table(stack, folder / "failures.csv", FAILURES)
        for shard in image_set.shards():
            made, in_vain = image_set.rows(shard)
            # Shard by shard, so that memory holds the rows of 1/64 of the set.
            for row in made:
                side = sides.get(row.sha256, "")
                count.update(["pairs", side])
                cells = _pair_cells(row, places.get(row.sha256, row.origin), side)
                for name in files.keys() & {"pairs", side}:
                    files[name](cells)
            for row in in_vain:
                failed(_failure_cells(row))
            count["failures"] += len(in_vain)
        for failure in failures:
            failed([_text(failure.path), "", "", "", failure.reason])
    return ManifestCounts(
        count["pairs"], count[TRAIN], count[TEST], count["failures"] + len(failures)
    )


def draw_sheet(image_set: ImageSet) -> Path | None:
    """Draw some pairs, evenly chosen, as ``sheet.jpg``.

    Args:
        image_set: The set, whose ``pairs.csv`` is read.

    Returns:
        The path of the picture; None where there are no pairs.

    Raises:
        StorageError: The disk refuses.
    """
    folder = image_set.folder
    # Read twice instead of held in memory: a set may have millions of pairs.
    total = sum(1 for _ in _pairs(folder))
    rows = [
        [
            Tile(_image(folder / row["origin"]), (Path(row["origin"]).name, row["split"])),
            Tile(_image(folder / row["query"]), (row["prompt"], _how(row))),
        ]
        for row in islice(_pairs(folder), 0, None, max(1, -(-total // SHOWN)))
    ]
    if not rows:
        return None
    path = folder / "sheet.jpg"
    write_sheet(path, "left the origin, right the query made from it", rows, columns=4)
    return path


def relative_to(image_set: ImageSet, origin: Origin) -> str:
    """Return the path of an origin as a manifest of this set states it.

    Args:
        image_set: The set that the manifest belongs to.
        origin: The origin.
    """
    return _relative(image_set.folder, origin.path)


def _relative(folder: Path, path: str) -> str:
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:  # the two are on different drives of Windows
        return Path(path).absolute().as_posix()


def _table(stack: ExitStack, path: Path, header: Sequence[str]) -> Callable[[list[str]], object]:
    """Begin a CSV file that is complete when the stack ends, and return what writes a row."""
    temporary = stack.enter_context(new_file(path))
    # The stack ends in reverse order: the file is closed before it gets its final name.
    file = stack.enter_context(temporary.open("w", encoding="utf-8", newline=""))
    writer = csv.writer(file)
    writer.writerow(header)
    # Names of files and prompts may come from strangers, and manifests are opened in spreadsheets.
    return lambda row: writer.writerow(guarded(row))


def _pair_cells(row: ImageSetRow, origin: str, side: str) -> list[str]:
    group = row.sha256[:16]  # 64 bits: among 10 million origins, two agree once in 370,000 sets
    return [
        *(origin, row.query, group, row.prompt, row.generator, _number(row.strength)),
        *(row.kind, group, side, str(row.seed)),
    ]


def _failure_cells(row: ImageSetRow) -> list[str]:
    return [row.origin, row.prompt, row.generator, _number(row.strength), row.reason]


def _pairs(folder: Path) -> Iterator[dict[str, str]]:
    rows = read_rows(folder / "pairs.csv")
    _, header = next(rows)
    yield from (dict(zip(header, row, strict=True)) for _, row in rows)


def _how(row: dict[str, str]) -> str:
    return (
        f"{row['generator']}, strength {row['strength']}" if row["strength"] else row["generator"]
    )


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:g}"


def _text(path: str) -> str:
    return path.encode("utf-8", "backslashreplace").decode()


def _image(path: Path) -> Image | None:
    try:
        return decode(read_bytes(path)).image
    except ImageError:
        return None
