"""What changes in folders while a program runs (extra ``[watch]``).

The system tells of changes, and a file is handed on when nobody has written to it for a moment. A
file that is written in pieces, with longer pauses, is handed on after each piece.
"""

import os
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.util import find_spec

from originid.errors import ExtraError, InputError
from originid.images.find_files import is_walked, takes_file

QUIET_SECONDS = 2.0  # without a change, after which a file counts as written
LONGEST_SECONDS = 60.0  # after which a storm of changes is looked at, though it has not ended
TICK_SECONDS = 0.5  # between looks at the folders themselves
STORM = 2_000  # changes at once from which on all folders are walked: single events may be lost
AT_ONCE = 500  # files that are handed on together, so that what has begun is soon finished
UNTOLD = "Unable to decode"  # what watchfiles says of a name that is not UTF-8; it then ends


@dataclass(frozen=True)
class Changed:
    """What there is to look at now.

    Args:
        paths: files and folders that exist; they begin with the folders as they were given.
        gone: watched folders that have just gone away, as when a disk is unmounted.
        back: watched folders that are there again.
    """

    paths: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    back: list[str] = field(default_factory=list)


def watch_folders(
    folders: Sequence[str],
    stop: threading.Event,
    all_folders: bool = False,
    only_suffixes: bool = False,
    removed: bool = False,
    quiet: float = QUIET_SECONDS,
) -> Iterator[Changed]:
    """Yield all folders at first, and then what changes in them, until it is told to stop.

    Which files and folders are taken is what `find_images` says.

    Args:
        folders: to watch, with all folders in them. They need not exist yet.
        stop: ends it within half a second.
        all_folders: whether recycle bins and folders of thumbnails are watched too.
        only_suffixes: whether files are known by their suffix alone.
        removed: whether folders are yielded too in which files were removed.
        quiet: seconds without a change after which a file counts as written.

    Raises:
        ExtraError: watchfiles is not installed.
        InputError: the system cannot watch so many folders.
    """
    need_watchfiles()
    rules = _Rules(folders, all_folders, only_suffixes, removed)
    known = set(folders)
    while not stop.is_set():
        there = _identities(folders)
        gone = [folder for folder in folders if folder in known and folder not in there]
        back = [folder for folder in there if folder not in known]
        known = set(there)
        if there:
            whole = Changed(list(there), gone, back)
            yield from _while_the_same(there, whole, rules, stop, quiet)
        else:
            if gone:
                yield Changed(gone=gone)
            stop.wait(TICK_SECONDS)


def need_watchfiles() -> None:
    """Raise an ExtraError if watchfiles is not installed."""
    if find_spec("watchfiles") is None:
        raise ExtraError("--watch", "watch")


def _identities(folders: Iterable[str]) -> dict[str, tuple[int, int]]:
    """The folders that are there, each with its device and inode: a mounted disk is another one."""
    found = {}
    for folder in folders:
        with suppress(OSError):
            if os.path.isdir(folder):
                status = os.stat(folder)
                found[folder] = status.st_dev, status.st_ino
    return found


def _while_the_same(
    there: dict[str, tuple[int, int]],
    whole: Changed,
    rules: "_Rules",
    stop: threading.Event,
    quiet: float,
) -> Iterator[Changed]:
    """Yield all of some folders, and then changes in them, until one of them is another one."""
    first, pending = True, _Pending(quiet)
    for paths in _events(list(there), stop):
        if first:  # only now, as from here on nothing is missed
            first = False
            yield whole
        if _identities(rules.folders) != there:
            return
        if len(paths) > STORM:
            pending.storm()
        for path in paths:
            pending.note(rules.wanted(path))
        if pending.storm_is_over():
            yield Changed(list(there))
        elif ready := pending.ready():
            yield Changed(ready)


def _events(folders: list[str], stop: threading.Event) -> Iterator[list[str]]:
    """The paths that the system says have changed; nothing of them after each `TICK_SECONDS`."""
    import watchfiles

    changes = watchfiles.watch(
        *map(os.path.abspath, folders),
        watch_filter=None,
        rust_timeout=round(1000 * TICK_SECONDS),
        yield_on_timeout=True,
        stop_event=stop,
        ignore_permission_denied=True,
    )
    while True:
        try:
            found = next(changes, None)
        except (OSError, RuntimeError) as error:
            # A folder went away a moment ago, or a name cannot be told: all is looked at again.
            if isinstance(error, FileNotFoundError) or UNTOLD in str(error):
                stop.wait(TICK_SECONDS)
                return
            raise InputError(
                f"the folders cannot be watched: {error}",
                "expected no more folders than the system can watch",
                "allow more: sudo sysctl fs.inotify.max_user_watches=1000000; or let it look at "
                "all files again and again: set WATCHFILES_FORCE_POLLING=1",
            ) from error
        if found is None:
            return
        yield [path for _, path in found]


class _Rules:
    """Which of the changed paths are looked at, and by which name.

    Args:
        folders: that are watched, as they were given.
        all_folders: whether recycle bins and folders of thumbnails are watched too.
        only_suffixes: whether files are known by their suffix alone.
        removed: whether folders are wanted in which files were removed.
    """

    def __init__(
        self, folders: Sequence[str], all_folders: bool, only_suffixes: bool, removed: bool
    ) -> None:
        self.folders = folders
        self._tops = {
            path(folder): folder
            for folder in folders
            for path in (os.path.realpath, os.path.abspath)
        }
        self._all_folders, self._only_suffixes = all_folders, only_suffixes
        self._removed = removed

    def wanted(self, path: str) -> str | None:
        """What is looked at because of a changed path: it, a folder above it, or nothing."""
        top = next((top for top in self._tops if path == top or path.startswith(top + os.sep)), "")
        is_folder = os.path.isdir(path)
        inside = os.path.relpath(path, top) + is_folder * os.sep if top else ""
        if not top or not is_walked(inside, self._all_folders):
            return None
        if not os.path.lexists(path):
            if not self._removed:
                return None
            while path != top and not os.path.isdir(path):
                path = os.path.dirname(path)
        elif not is_folder and not takes_file(path, self._only_suffixes):
            return None
        given = self._tops[top]
        return given if path == top else os.path.join(given, os.path.relpath(path, top))


class _Pending:
    """Paths that have changed, until nobody writes to them any more.

    Args:
        quiet: seconds without a change after which a path is ready.
    """

    def __init__(self, quiet: float) -> None:
        self._quiet = quiet
        self._changed: dict[str, tuple[float, tuple[int, int]]] = {}
        self._storm: tuple[float, float] | None = None  # when it began, and its last change

    def note(self, path: str | None) -> None:
        """Take note that a path has changed; None is nothing."""
        if path is not None:
            now = time.monotonic()
            self._changed[path] = now, _state(path)
            if self._storm is not None:
                self._storm = self._storm[0], now

    def storm(self) -> None:
        """Take note that so much has changed that everything is to be looked at."""
        now = time.monotonic()
        self._storm = (now if self._storm is None else self._storm[0]), now

    def storm_is_over(self) -> bool:
        """Whether everything is to be looked at now; then nothing else is left."""
        now = time.monotonic()
        if self._storm is None:
            return False
        began, last = self._storm
        if now - last < self._quiet and now - began < LONGEST_SECONDS:
            return False
        self._storm = None
        self._changed.clear()
        return True

    def ready(self) -> list[str]:
        """At most `AT_ONCE` paths that are as they were for a while; they are forgotten."""
        if self._storm is not None:
            return []
        now, found = time.monotonic(), list[str]()
        for path, (since, before) in list(self._changed.items()):
            state = _state(path)
            if state != before:
                self._changed[path] = now, state
            elif now - since >= self._quiet and len(found) < AT_ONCE:
                found.append(path)
                del self._changed[path]
        return [path for path in found if os.path.lexists(path)]


def _state(path: str) -> tuple[int, int]:
    """The size and the time of a file, which change when it is written to; (-1, -1) of none."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return -1, -1
    return status.st_size, status.st_mtime_ns
