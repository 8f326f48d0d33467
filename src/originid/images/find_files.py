"""Folders to the image files in them."""

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence

from originid.errors import InputError
from originid.images.decode import os_reason
from originid.types import Failure

_SUFFIXES = "jpg jpeg jpe jfif png apng webp gif bmp tif tiff avif heic heif hif"
IMAGE_SUFFIXES: frozenset[str] = frozenset(f".{suffix}" for suffix in _SUFFIXES.split())
"""Suffixes, in lower case, of the files that are taken from a folder."""


def find_images(
    paths: Sequence[str | os.PathLike[str]], on_failure: Callable[[Failure], None]
) -> Iterator[str]:
    """Paths of the image files under ``paths``: of each folder its files, then its folders, sorted.

    A path that names a file is yielded whatever its suffix. In folders, files without a suffix
    of ``IMAGE_SUFFIXES`` and whatever begins with a dot are passed over; symbolic links are
    followed, but under each given path a folder is entered once and a file yielded once. A path
    begins as it was given; bytes that are not UTF-8 are kept by surrogateescape.

    Args:
        on_failure: called with each path that is missing, cannot be listed or is a broken link.
    """
    for path in map(os.fsdecode, paths):
        try:
            is_folder = stat.S_ISDIR(os.stat(path).st_mode)
        except (OSError, ValueError) as error:
            on_failure(Failure(path, os_reason(error)))
            continue
        if not is_folder:
            yield path
            continue
        try:
            yield from _walk(path, on_failure)
        except RecursionError:  # os.walk before Python 3.12, at about 1,000 folders
            on_failure(Failure(path, "folders nested too deep; not all were walked"))


def refuse_missing(folders: Iterable[str | os.PathLike[str]]) -> None:
    """Raise InputError if a folder is not there."""
    for folder in folders:
        if not os.path.isdir(folder):
            raise InputError(
                f"no folder {os.fspath(folder)}", "expected a folder of images", "check its name"
            )


def _walk(top: str, on_failure: Callable[[Failure], None]) -> Iterator[str]:
    def report(error: OSError) -> None:
        on_failure(Failure(os.fsdecode(error.filename), os_reason(error)))

    entered: set[str] = set()  # real folders
    linked: set[str] = set()  # real files that were yielded by the name of a link
    for folder, folders, files in os.walk(top, onerror=report, followlinks=True):
        real = os.path.realpath(folder)
        if real in entered:
            folders.clear()
            continue
        entered.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(name for name in files if not name.startswith(".")):
            path, target = os.path.join(folder, name), os.path.join(real, name)
            is_link = os.path.islink(path)
            if is_link and not os.path.exists(path):
                on_failure(Failure(path, "broken link"))
            elif _is_image(name):
                target = os.path.realpath(path) if is_link else target
                at, own = os.path.split(target)
                if target in linked or (is_link and at in entered and _is_image(own)):
                    continue  # it came by another name, or comes by its own
                if is_link:
                    linked.add(target)
                yield path


def _is_image(name: str) -> bool:
    return os.path.splitext(name)[1].lower() in IMAGE_SUFFIXES and not name.startswith(".")
