"""A set of pairs on the disk, made by any number of processes that may die at any moment.

A set is a folder::

    set.json                    the settings of the whole set
    generators/<name>.json      how a generator of that name makes its images
    images/<shard>/*.jpg        the queries; a shard has those of 1/64 of the origins
    images/<shard>/rows.jsonl   a line for each query, and for each that could not be made
    prompts/                    the answers of a chat model
    pairs.csv, failures.csv     the rows of all shards
    train.csv, test.csv         the rows of each side, where there is a test share

An image gets its name when it is on the disk completely, and its row is written after that. Who
works on a shard holds a lock on the file of its rows, which the system releases when the process
ends.
"""

import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from originid.errors import InputError, UsageError
from originid.generation.sets.rows import ImageSetRow, read_rows, to_json
from originid.system.storage import flush, new_file, storage_errors
from originid.system.strict_json import JsonObject, read_json

FORMAT = 1
GENERATORS = "generators"  # the folder in a set
# Windows locks bytes, which others then cannot read. So a byte beyond the end is locked there.
LOCKED = 1 << 30


@dataclass(frozen=True)
class SetSettings:
    """The settings of a whole set.

    Args:
        test: The share of the origins whose pairs are for tests, in [0, 1).

    Raises:
        UsageError: The share is out of its range.
    """

    test: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.test < 1:
            raise UsageError(
                f"a test share of {self.test:g}",
                "expected at least 0 and below 1, such as 0.2 for a fifth of the origins",
                "choose another share",
            )


class Shard:
    """The part of a set that one process works on. `ImageSet.claim` makes it.

    What a process that died left there is cleared away.

    Args:
        folder: The folder of the shard.
        descriptor: The open and locked file of its rows, which the shard closes.
    """

    def __init__(self, folder: Path, descriptor: int) -> None:
        self.folder, self._descriptor = folder, descriptor
        rows, end = read_rows(folder)
        os.ftruncate(descriptor, end)  # a row that was cut off would spoil the next one
        for left_over in folder.glob(".*.tmp"):
            left_over.unlink()
        self._images = _image_names(folder)
        self._made = {row.key for row in rows if row.query and row.name in self._images}
        self._failed = {row.key for row in rows if row.reason}

    def has(self, key: str) -> bool:
        """Return whether the query of a task is made: both the image and its row.

        Args:
            key: The key of the task.
        """
        return key in self._made

    def has_failed(self, key: str) -> bool:
        """Return whether a task was tried without success.

        Args:
            key: The key of the task.
        """
        return key in self._failed

    def has_image(self, name: str) -> bool:
        """Return whether there is an image of this name, with or without a row.

        Args:
            name: The name of the file.
        """
        return name in self._images

    def add(self, rows: Sequence[ImageSetRow], images: Mapping[str, bytes]) -> None:
        """Write images and, when they are on the disk, their rows.

        Args:
            rows: The rows to add, with or without images.
            images: The content of each new file, by its name.

        Raises:
            StorageError: The disk refuses.
        """
        with storage_errors(self.folder):
            for name, data in images.items():
                # Written under another name, so that no reader sees half an image.
                temporary = self.folder / f".{name}.tmp"
                temporary.write_bytes(data)
                flush(temporary)
                os.replace(temporary, self.folder / name)
            flush(self.folder)  # the new names too must be on the disk before the rows are
            lines = "".join(f"{json.dumps(to_json(row))}\n" for row in rows)
            _write(self._descriptor, lines.encode())
            os.fsync(self._descriptor)
        self._images |= set(images)
        self._made |= {row.key for row in rows if row.query}

    def close(self) -> None:
        """Release the lock, so that other processes can work on the shard."""
        os.close(self._descriptor)


class ImageSet:
    """The folder of a set.

    Args:
        folder: The path of the folder.
        settings: The settings of the set.
    """

    def __init__(self, folder: Path, settings: SetSettings) -> None:
        self.folder, self.settings = folder, settings

    @classmethod
    def open(cls, folder: Path, settings: SetSettings) -> "ImageSet":
        """Open a set that exists or is to be begun. Nothing is written.

        Args:
            folder: The path of the folder.
            settings: The settings of the set.

        Raises:
            InputError: The folder holds something else, or a set with other settings.
            StorageError: The disk refuses.
        """
        opened = cls(folder, settings)
        with storage_errors(folder):
            if opened.begun:
                _check(folder / "set.json", settings)
            elif folder.exists() and not _is_free(folder):
                raise InputError(
                    f"{folder} exists and is no set",
                    "expected a new or empty folder, or a set that was begun before",
                    "choose another name",
                )
        return opened

    @property
    def begun(self) -> bool:
        """Whether the set exists on the disk."""
        return (self.folder / "set.json").exists()

    def begin(self) -> None:
        """Make an empty set, unless the set exists.

        Raises:
            InputError: Another process has begun a set with other settings.
            StorageError: The disk refuses.
        """
        file = self.folder / "set.json"
        if not file.exists():
            with storage_errors(self.folder):
                self.folder.mkdir(parents=True, exist_ok=True)
                with new_file(file) as temporary:
                    text = json.dumps({"format": FORMAT, **asdict(self.settings)})
                    temporary.write_text(text, encoding="utf-8")
        _check(file, self.settings)

    def keep_generator(self, name: str, how: Mapping[str, Any]) -> None:
        """Write how a generator makes its images, unless that is known. The set must be begun.

        Args:
            name: The name of the generator, which rows carry.
            how: All that decides what it makes, and that rows do not carry, as JSON values.

        Raises:
            InputError: The set has images of another generator of this name.
            StorageError: The disk refuses.
        """
        file = self._generator_file(name)
        with storage_errors(file):
            file.parent.mkdir(exist_ok=True)
            if not file.exists():
                with new_file(file, replace=False) as temporary:
                    temporary.write_text(json.dumps(how), encoding="utf-8")
        self.refuse_other_generator(name, how)

    def refuse_other_generator(self, name: str, how: Mapping[str, Any]) -> None:
        """Refuse a generator if the set has images of another one of its name.

        Args:
            name: As of `keep_generator`.
            how: As of `keep_generator`.

        Raises:
            InputError: It has.
        """
        file = self._generator_file(name)
        if not file.exists():
            return
        known, stated = _read(file), json.loads(json.dumps(how))
        keys = [key for key in {**known, **stated} if known.get(key) != stated.get(key)]
        if keys:
            raise InputError(
                f"a generator {name!r} with {_values(stated, keys)}",
                f"expected that of the images of this name that {self.folder} has: "
                f"{_values(known, keys)}",
                "give the file of its settings another name, or choose another folder",
            )

    def _generator_file(self, name: str) -> Path:
        return self.folder / GENERATORS / f"{quote(name, safe='')}.json"  # some have a /

    def claim(self, name: str) -> Shard | None:
        """Return a shard to work on, or None while another process works on it.

        Args:
            name: The name of the shard.

        Raises:
            StorageError: The disk refuses.
        """
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
        """Return the names of the shards that exist, sorted."""
        folder = self.folder / "images"
        return sorted(path.name for path in folder.iterdir()) if folder.exists() else []

    def rows(self, name: str) -> tuple[list[ImageSetRow], list[ImageSetRow]]:
        """Return a shard's queries that exist, and the failures that no later query made up for.

        Both lists are sorted by origin and key, and hold every key once.

        Args:
            name: The name of the shard.
        """
        folder = self.folder / "images" / name
        images = _image_names(folder)
        made: dict[str, ImageSetRow] = {}
        failed: dict[tuple[str, str], ImageSetRow] = {}
        for row in read_rows(folder)[0]:
            if not row.query:
                failed[row.sha256, row.key] = row
            elif row.name in images:
                made[row.key] = row
                failed.pop((row.sha256, row.key), None)
                failed.pop((row.sha256, ""), None)
        return _sorted(made.values()), _sorted(failed.values())


def _is_free(folder: Path) -> bool:
    """Return whether a folder holds nothing except the first file of a set that is being begun."""
    return folder.is_dir() and all(f.name.startswith(".set.json.") for f in folder.iterdir())


def _sorted(rows: Iterable[ImageSetRow]) -> list[ImageSetRow]:
    return sorted(rows, key=lambda row: (row.sha256, row.key))


def _image_names(folder: Path) -> set[str]:
    return {name for name in os.listdir(folder) if not name.startswith(".")}


def _write(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


def _read(file: Path) -> JsonObject:
    """The settings that an earlier run wrote."""
    try:
        return read_json(file)
    except (OSError, ValueError) as error:
        raise InputError(
            f"{file} cannot be read: {error}",
            "expected the settings that an earlier run wrote",
            "choose another folder",
        ) from error


def _values(settings: Mapping[str, Any], keys: Iterable[str]) -> str:
    """Some settings, in words."""
    return ", ".join(f"{key} = {settings.get(key)}" for key in keys)


def _check(file: Path, settings: SetSettings) -> None:
    found = _read(file)
    stated = {"format": FORMAT, **asdict(settings)}
    if found != stated:
        raise InputError(
            f"{file.parent} is a set with other settings: {found}",
            f"expected the settings {stated}",
            "give the test share that the set was begun with, or choose another folder",
        )


def _lock(descriptor: int) -> bool:
    """Lock a file until it is closed; return False while another process holds the lock."""
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
