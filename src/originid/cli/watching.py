"""``originid index --watch``: adds what comes in folders until it is told to stop."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Protocol

from originid.cli.added_text import Told, tell_added
from originid.cli.output import progress_bar
from originid.errors import StorageError, UsageError
from originid.system.addresses import is_url
from originid.system.server_url import ServerUrl
from originid.system.text import counted, printable

if TYPE_CHECKING:
    from originid.collection.added import Added
    from originid.collection.collection import Collection
    from originid.system.progress import Progress


ASKED_AGAIN = 5.0  # seconds after which a server that did not answer is asked again


class Adding(Protocol):
    """Adds paths to a collection, as `add_images` does with the options of the command line."""

    def __call__(
        self,
        collection: "Collection",
        paths: Sequence[str],
        *,
        progress: "Progress",
        calibrating: "Progress",
    ) -> "Added":
        """Add the paths."""
        ...


def refuse_unwatchable(paths: Sequence[str], metadata: Path | None) -> None:
    """Refuse what cannot be watched, before anything is done.

    Raises:
        ExtraError: watchfiles is not installed.
        UsageError: a path is no folder, or there is a table of descriptions.
    """
    from originid.watching import need_watchfiles

    need_watchfiles()
    for path in paths:
        if is_url(path) or (os.path.lexists(path) and not os.path.isdir(path)):
            what = "address" if is_url(path) else "file"
            raise UsageError(
                f"--watch with the {what} {path}",
                "expected folders",
                "name the folder that it lies in, or leave --watch out",
            )
    if metadata is not None:
        raise UsageError(
            "--watch with --metadata",
            "expected one of them: a table describes what is there when it is read",
            "leave --metadata out here, and give it by a command of its own: both may run at the "
            "same time",
        )


def watch_and_add(
    collection: "Collection",
    folders: Sequence[str],
    adding: Adding,
    json: bool,
    all_folders: bool,
    only_suffixes: bool,
    prune: bool,
) -> None:
    """Add what is in some folders, and then what comes, until Ctrl-C or SIGTERM.

    The first run is as one without ``--watch``: Ctrl-C ends it at once, and so does a server that
    does not answer. After it, what has begun is finished first, and a server is waited for.

    Args:
        collection: where to.
        folders: that are watched.
        adding: adds paths.
        json: whether each run is printed as a line of JSON.
        all_folders: whether recycle bins and folders of thumbnails are watched too.
        only_suffixes: whether files are known by their suffix alone.
        prune: whether references are dropped whose file was removed.
    """
    from originid.watching import watch_folders

    stop = threading.Event()
    rounds = watch_folders(folders, stop, all_folders, only_suffixes, removed=prune)
    first = True
    with ending_well(stop) as begin:
        for changed in rounds:
            for folder in changed.gone:
                _say(f"{printable(folder)} is not there; it is watched as soon as it is")
            for folder in changed.back:
                _say(f"{printable(folder)} is there again")
            if changed.paths:
                start = time.monotonic()
                added, references = _added(
                    collection, changed.paths, adding, None if first else stop
                )
                told = Told(collection.place, references, time.monotonic() - start)
                if first or _is_worth_telling(added):
                    tell_added(added, told, json)
                    sys.stdout.flush()
            if first:
                first = False
                begin()
                _say(f"watching {counted(len(folders), 'folder')}; Ctrl-C ends it")


def _added(
    collection: "Collection", paths: Sequence[str], adding: Adding, stop: threading.Event | None
) -> tuple["Added", int]:
    """Add paths; return what that did, and how many references there are then.

    Args:
        collection: where to.
        paths: what is added.
        adding: adds it.
        stop: while it is not set, a server that does not answer is asked again; with None it is an
            error.
    """
    asked = 0
    while True:
        try:
            with (
                progress_bar("indexing") as progress,
                progress_bar("calibrating") as calibrating,
            ):
                added = adding(collection, paths, progress=progress, calibrating=calibrating)
            references = len(collection)
        except StorageError as error:
            if stop is None or stop.is_set() or not isinstance(collection.place, ServerUrl):
                raise
            if not asked:
                _say(f"{printable(error.given)}; it is asked again until it answers")
            asked += 1
            stop.wait(ASKED_AGAIN)
        else:
            if asked:
                _say(f"{printable(str(collection.place))} answers again")
            return added, references


@contextmanager
def ending_well(stop: threading.Event) -> Iterator[Callable[[], None]]:
    """Let Ctrl-C and SIGTERM set an event, from when the yielded function is called.

    A second one ends the process at once, as without.

    Args:
        stop: is set.
    """
    before: dict[signal.Signals, object] = {}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
        before.clear()

    def end(number: int, frame: FrameType | None) -> None:
        stop.set()
        restore()
        # Not print, because the signal may have come in the middle of a print.
        os.write(2, b"finishing what has begun; Ctrl-C again ends it at once\n")

    def begin() -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(number) is not signal.SIG_IGN:
                before[number] = signal.signal(number, end)

    try:
        yield begin
    finally:
        restore()


def _is_worth_telling(added: "Added") -> bool:
    """Whether a run did something, or found something that a person should know."""
    did = added.added + added.updated + added.moved + added.names + added.pruned
    return bool(did or added.failures or added.kept)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
