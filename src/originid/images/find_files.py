"""Finds the image files in folders."""

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence

from originid.errors import InputError
from originid.images.decode import os_reason
from originid.types import Failure

_SUFFIXES = "jpg jpeg jpe jfif png apng webp gif bmp tif tiff avif heic heif hif"
IMAGE_SUFFIXES: frozenset[str] = frozenset(f".{suffix}" for suffix in _SUFFIXES.split())
"""The suffixes, in lower case, of the files of a folder that count as images."""


def find_images(
    paths: Sequence[str | os.PathLike[str]], on_failure: Callable[[Failure], None]
) -> Iterator[str]:
    """Yield the paths of the image files under some paths.

    A path that names a file is yielded whatever its suffix is. Of a folder, first its own image
    files are yielded in sorted order, and then those of the folders inside it. Files without one of
    the ``IMAGE_SUFFIXES`` and names that begin with a dot are left out. Symbolic links are
    followed, but under each given path every folder is entered once and every file yielded once.

    Args:
        paths: files and folders. Each yielded path begins with the path that was given; bytes that
            are not UTF-8 stay in it as surrogates, as `os.fsdecode` leaves them.
        on_failure: called with each path that is missing, cannot be listed, or is a broken link.
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
    """Check that all folders exist.

    Args:
        folders: the paths of the folders.

    Raises:
        InputError: if one is missing or is not a folder; the error names the first such one.
    """
    for folder in folders:
        if not os.path.isdir(folder):
            raise InputError(
                f"no folder {os.fspath(folder)}", "expected a folder of images", "check its name"
            )


def _walk(top: str, on_failure: Callable[[Failure], None]) -> Iterator[str]:
    def report(error: OSError) -> None:
        """Pass a folder that cannot be listed to ``on_failure``."""
        on_failure(Failure(os.fsdecode(error.filename), os_reason(error)))

    entered: set[str] = set()  # folders with all links resolved: a link to a parent would not end
    linked: set[str] = set()  # resolved paths of files that were yielded under the name of a link
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
                    continue  # the file was yielded under another name, or will be under its own
                if is_link:
                    linked.add(target)
                yield path


def _is_image(name: str) -> bool:
    return os.path.splitext(name)[1].lower() in IMAGE_SUFFIXES and not name.startswith(".")
