"""Which files a collection may look at: those in the folders that this account indexed.

A collection may come from a stranger, and a stranger can store any path as that of a reference. So
a file is looked at, or opened, only in a folder that this account itself named: to `index`, which
signs the folder with a key that only this account has, or in an environment variable.
"""

import os
import re
import secrets
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable
from contextlib import AbstractContextManager
from pathlib import Path

from originid.system.account_key import account_key, signature
from originid.system.addresses import is_address
from originid.system.file_status import same_file
from originid.system.paths import Paths, as_paths
from originid.system.server_url import ServerUrl
from originid.system.text import quoted, shell_command

FOLDERS = "ORIGINID_TRUSTED_FOLDERS"
"""Environment variable: folders whose files any collection may look at, separated as in ``PATH``.
"""
_ID = re.compile("[0-9a-f]{32}")
LONGEST = 4096  # characters of a path, above which no file is looked for
REMEMBERED = 100_000  # folders of which it is remembered whether they are trusted: 20 MB


class TrustedFolders(ABC):
    """The part of a store that says which files may be looked at, wherever it keeps that.

    Whatever looks at a file because of what is stored asks `trusts`, or `is_there`.
    """

    refused: str | None = None
    """The first path that was to be looked at, and is not trusted."""

    format: int
    """Of what is stored; it changes when an earlier one is brought up."""

    def __init__(self) -> None:
        self._folders_lock = threading.RLock()
        self._named: set[str] = set()  # to this process
        self._allowed: set[str] = set()  # by the environment variable
        self._trusted: dict[str, bool] = {}  # folders
        self._state: object = None
        self._key: bytes | None = None
        self._id = ""

    @abstractmethod
    def writing(self) -> AbstractContextManager[None]:
        """As `Store.writing`."""

    @abstractmethod
    def meta(self, key: str) -> str:
        """As `Store.meta`."""

    @abstractmethod
    def set_meta(self, key: str, value: str) -> None:
        """Note a value within a transaction, in place of the one before."""

    @abstractmethod
    def _changes(self) -> object:
        """What differs from before if another process has written, perhaps."""

    @abstractmethod
    def _keep_signed(self, folders: Iterable[tuple[bytes, bytes]]) -> None:
        """Store folders with their signatures, within a transaction."""

    @abstractmethod
    def _has_signed(self, folder: bytes, signature: bytes) -> bool:
        """Whether a folder is stored with a signature."""

    def sign_folders(self, paths: Paths, key: bytes | None = None) -> None:
        """Let the files of some folders be looked at.

        What lies in a folder that is signed already is not signed once more.

        Args:
            paths: folders and files, as they were given on a command line.
            key: of this account, by which its later processes may look at them too; None lets only
                this process do so.

        Raises:
            StorageError: the disk refuses.
        """
        given = as_paths(paths)
        named = [os.path.abspath(path) for path in given if not is_address(path)]
        with self._folders_lock:
            self._forget_if_changed()
            known: dict[str, bool] = {}
            locations = [place for place in named if key is None or not self._covered(place, known)]
        if not locations:
            return
        self._named.update(locations)
        self._state = None
        if key is None:
            return
        with self.writing():
            if not _ID.fullmatch(self.meta("id")):  # somebody took it away
                self.set_meta("id", secrets.token_hex(16))
            collection = self.meta("id")
            names = map(os.fsencode, locations)
            self._keep_signed((name, _signature(key, collection, name)) for name in names)

    def trusts(self, location: str) -> bool:
        """Whether a file may be looked at and opened: this account named it, or its folder.

        In a folder, a path is trusted that indexing the folder could find: no name in it begins
        with a full stop. Links in it are followed, as indexing follows them.

        Args:
            location: the stored path.
        """
        found = self._may(location)
        if not found and self.refused is None and not is_address(location):
            self.refused = location
        return found

    def _may(self, location: str) -> bool:
        if len(location) > LONGEST or "\0" in location or not os.path.isabs(location):
            return False
        if is_address(location):  # a member of an archive begins like a path
            return False
        with self._folders_lock:
            self._forget_if_changed()
            folder, name = os.path.split(location)
            found = not name.startswith(".") and self._trusts_folder(folder)
            return found or self._is_named(location)

    def is_there(self, location: str) -> bool | None:
        """Whether there is a file at a stored path; None where it may not be looked at.

        There is none at an address: what is there is never looked at.
        """
        if is_address(location):
            return False
        return os.path.exists(location) if self.trusts(location) else None

    def is_same_file(self, location: str, path: str) -> bool:
        """Whether a stored path leads to the same file as another one; False where not trusted."""
        return self.trusts(location) and same_file(location, path)

    def _trusts_folder(self, folder: str) -> bool:
        """Whether the files in a folder may be looked at."""
        passed, found = [], False
        while (known := self._trusted.get(folder)) is None:
            passed.append(folder)
            parent, name = os.path.split(folder)
            found = self._is_named(folder)
            if found or parent == folder or name.startswith("."):
                break
            folder = parent
        found = found or bool(known)
        if len(self._trusted) > REMEMBERED:
            self._trusted.clear()
        self._trusted.update(dict.fromkeys(passed, found))
        return found

    def _covered(self, place: str, known: dict[str, bool]) -> bool:
        """Whether a folder or file is signed, or lies in a folder that is."""
        if place not in known:
            parent, name = os.path.split(place)
            outer = parent != place and not name.startswith(".") and self._covered(parent, known)
            known[place] = outer or self._is_signed(place)
        return known[place]

    def _is_named(self, place: str) -> bool:
        return place in self._named or place in self._allowed or self._is_signed(place)

    def _is_signed(self, place: str) -> bool:
        if self._key is None:
            return False
        name = os.fsencode(place)
        return self._has_signed(name, _signature(self._key, self._id, name))

    def _forget_if_changed(self) -> None:
        """Read the key and the variable anew after another process wrote, or that changed."""
        named = os.environ.get(FOLDERS, "")
        state = self._changes(), named, self.format
        if state == self._state:
            return
        self._state, self._trusted = state, {}
        self._allowed = {os.path.abspath(each) for each in named.split(os.pathsep) if each}
        self._key = None
        self._id = self.meta("id")
        self._key = account_key() if _ID.fullmatch(self._id) else None


def how_to_trust(collection: Path | ServerUrl, location: str) -> str:
    """Say what a person can do so that the file at a location may be opened.

    Args:
        collection: the folder or the URL of the collection.
        location: the stored path.

    Returns:
        The middle of a sentence, such as ``set ORIGINID_TRUSTED_FOLDERS=/photos, or run: ...``.
    """
    folder = Path(os.path.dirname(location))
    return (
        f"set {FOLDERS}={quoted(str(folder))} and run the command again, or index the folder into "
        f"the collection: {shell_command('index', folder, '--into', collection)}"
    )


def _signature(key: bytes, collection: str, location: bytes) -> bytes:
    return signature(key, b"originid folder 1", collection.encode(), location)
