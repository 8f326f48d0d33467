"""A set of pairs on the disk, made by any number of processes that may die at any moment.

A set is a folder::

    set.json                    what holds for all of it
    images/<shard>/*.jpg        queries; a shard has those of 1/64 of the origins
    images/<shard>/rows.jsonl   one line for each query, and for each that could not be made
    prompts/                    answers of a chat model
    pairs.csv, failures.csv     the rows of all shards, and with a test share
    train.csv, test.csv         those of each side

An image takes its name when it is on the disk whole, and its row is written afterwards. Who works
at a shard holds a lock on its rows, which ends with the process.
"""

import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from originid.errors import InputError, UsageError
from originid.system.storage import flush, new_file, storage_errors
from originid.types import Json

FORMAT = 1
LOCKED = 1 << 30  # the byte that is locked on Windows, beyond the end: locked bytes cannot be read


@dataclass(frozen=True)
class ImageSetRow:
    """A query, or where ``query`` is empty the reason why there is none.

    ``key`` is the task's; empty where the whole origin failed. ``origin`` and ``query`` are paths
    relative to the set, ``sha256`` is of the origin's file; ``seconds`` and ``bytes`` are what the
    query cost.
    """

    key: str
    sha256: str
    origin: str
    query: str = ""
    prompt: str = ""
    generator: str = ""
    kind: str = ""
    strength: float | None = None
    seed: int = 0
    seconds: float = 0.0
    bytes: int = 0
    reason: str = ""


@dataclass(frozen=True)
class SetSettings:
    """What holds for a whole set.

    Args:
        test: share of the origins whose pairs are for tests, in [0, 1).
    """

    test: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.test < 1:
            raise UsageError(
                f"a test share of {self.test:g}",
                "expected at least 0 and below 1, as 0.2 for a fifth of the origins",
                "choose another share",
            )


class Shard:
    """The part of a set that one process works at; `ImageSet.claim` makes it."""

    def __init__(self, folder: Path, descriptor: int) -> None:
        """Take over a locked file of rows and clear away what a dead process left."""
        self.folder, self._descriptor = folder, descriptor
        rows, end = _read_rows(folder)
        os.ftruncate(descriptor, end)
        for left_over in folder.glob(".*.tmp"):
            left_over.unlink()
        self._images = _image_names(folder)
        self._made = {row.key for row in rows if row.query and _name(row) in self._images}
        self._failed = {row.key for row in rows if row.reason}

    def has(self, key: str) -> bool:
        """Whether the query of a task is made, image and row."""
        return key in self._made

    def has_failed(self, key: str) -> bool:
        """Whether a task was tried in vain."""
        return key in self._failed

    def has_image(self, name: str) -> bool:
        """Whether there is an image of this name, with or without a row."""
        return name in self._images

    def add(self, rows: Sequence[ImageSetRow], images: Mapping[str, bytes]) -> None:
        """Write images, name to bytes, and when they are on the disk the rows.

        Raises:
            StorageError: the disk refuses.
        """
        with storage_errors(self.folder):
            for name, data in images.items():
                temporary = self.folder / f".{name}.tmp"
                temporary.write_bytes(data)
                flush(temporary)
                os.replace(temporary, self.folder / name)
            flush(self.folder)
            lines = "".join(f"{json.dumps(_stated(row))}\n" for row in rows)
            _write(self._descriptor, lines.encode())
            os.fsync(self._descriptor)
        self._images |= set(images)
        self._made |= {row.key for row in rows if row.query}

    def close(self) -> None:
        """Let others work here."""
        os.close(self._descriptor)


class ImageSet:
    """A set's folder."""

    def __init__(self, folder: Path, settings: SetSettings) -> None:
        self.folder, self.settings = folder, settings

    @classmethod
    def open(cls, folder: Path, settings: SetSettings) -> "ImageSet":
        """Open a set that is begun or to be begun; nothing is written.

        Raises:
            InputError: the folder holds something else, or a set with other settings.
            StorageError: the disk refuses.
        """
        opened = cls(folder, settings)
        with storage_errors(folder):
            if opened.begun:
                _check(folder / "set.json", settings)
            elif folder.exists() and not _is_free(folder):
                expected = "expected a new or empty folder, or a set begun before"
                raise InputError(f"{folder} exists", expected, "choose another name")
        return opened

    @property
    def begun(self) -> bool:
        """Whether the set is on the disk."""
        return (self.folder / "set.json").exists()

    def begin(self) -> None:
        """Make the set, empty, unless it is there.

        Raises:
            InputError: another process has begun one with other settings.
            StorageError: the disk refuses.
        """
        file = self.folder / "set.json"
        if not file.exists():
            with storage_errors(self.folder):
                self.folder.mkdir(parents=True, exist_ok=True)
                with new_file(file) as temporary:
                    text = json.dumps({"format": FORMAT, **asdict(self.settings)})
                    temporary.write_text(text, encoding="utf-8")
        _check(file, self.settings)

    def claim(self, name: str) -> Shard | None:
        """Work at a shard; None while another process does."""
        folder = self.folder / "images" / name
        with storage_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
            flags = os.O_RDWR | os.O_CREAT | os.O_APPEND
            descriptor = os.open(folder / "rows.jsonl", flags, 0o666)
            if not _lock(descriptor):
                os.close(descriptor)
                return None
            return Shard(folder, descriptor)

    def shards(self) -> list[str]:
        """The names of the shards that were begun, sorted."""
        folder = self.folder / "images"
        return sorted(path.name for path in folder.iterdir()) if folder.exists() else []

    def rows(self, name: str) -> tuple[list[ImageSetRow], list[ImageSetRow]]:
        """Each query of a shard whose image is there, and each failure that nothing made up for.

        Both are sorted by origin and key, and hold every key once.
        """
        folder = self.folder / "images" / name
        images = _image_names(folder)
        made: dict[str, ImageSetRow] = {}
        failed: dict[tuple[str, str], ImageSetRow] = {}
        for row in _read_rows(folder)[0]:
            if not row.query:
                failed[row.sha256, row.key] = row
            elif _name(row) in images:
                made[row.key] = row
                failed.pop((row.sha256, row.key), None)
                failed.pop((row.sha256, ""), None)
        return _sorted(made.values()), _sorted(failed.values())


def _is_free(folder: Path) -> bool:
    """Whether there is nothing in a folder but a set's first file in the making."""
    return folder.is_dir() and all(f.name.startswith(".set.json.") for f in folder.iterdir())


def _sorted(rows: Iterable[ImageSetRow]) -> list[ImageSetRow]:
    return sorted(rows, key=lambda row: (row.sha256, row.key))


def _name(row: ImageSetRow) -> str:
    return row.query.rsplit("/", 1)[-1]


def _stated(row: ImageSetRow) -> Json:
    """A row without what it leaves at its default."""
    default = ImageSetRow("", "", "")
    return {k: v for k, v in asdict(row).items() if v != getattr(default, k)}


def _image_names(folder: Path) -> set[str]:
    return {name for name in os.listdir(folder) if not name.startswith(".")}


def _read_rows(folder: Path) -> tuple[list[ImageSetRow], int]:
    """The sound rows of a shard, and where the last whole line ends: one may have been cut off."""
    file = folder / "rows.jsonl"
    data = file.read_bytes() if file.exists() else b""
    end = data.rfind(b"\n") + 1
    rows = []
    for line in data[:end].splitlines():
        try:
            rows.append(ImageSetRow(**{"key": "", "sha256": "", "origin": "", **json.loads(line)}))
        except (ValueError, TypeError):
            continue  # the disk lost it; its image is found again by its name
    return rows, end


def _write(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


def _check(file: Path, settings: SetSettings) -> None:
    try:
        found = json.loads(file.read_bytes())
    except (OSError, ValueError) as error:
        expected = "expected what an earlier run wrote"
        raise InputError(f"{file}: {error}", expected, "choose another folder") from error
    stated = {"format": FORMAT, **asdict(settings)}
    if found != stated:
        raise InputError(
            f"{file.parent} is a set with other settings: {found}",
            f"expected {stated}",
            "give the same test share, or choose another folder",
        )


def _lock(descriptor: int) -> bool:
    """Lock a file until it is closed; False while another process has it."""
    try:
        if sys.platform == "win32":
            import msvcrt

            os.lseek(descriptor, LOCKED, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True
