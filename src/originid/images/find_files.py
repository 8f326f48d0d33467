"""Finds the image files in folders, and tells the tidiest of several paths."""

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from originid.errors import InputError
from originid.images.decode import os_reason
from originid.images.unread import Unread, look_at
from originid.system.paths import Paths, as_paths
from originid.types import Failure

_SUFFIXES = "jpg jpeg jpe jfif png apng webp gif bmp tif tiff avif heic heif hif"
IMAGE_SUFFIXES: frozenset[str] = frozenset(f".{suffix}" for suffix in _SUFFIXES.split())
"""The suffixes, in lower case, of the files of a folder that count as images."""

# Photo managers pass over such names too. What lies there stands beside nearly every photo as a
# smaller, deleted or older copy of it. The systems that make the folders, in this order:
_THUMBNAILS = "@eaDir .@__thumb .thumbnails"  # Synology, QNAP, Linux and Android
_BINS = "#recycle @Recycle $RECYCLE.BIN .Trash .Trashes lost+found"  # both, Windows, macOS, Linux
_OLDER = "#snapshot @Recently-Snapshot .stversions"  # Synology, QNAP, Syncthing
UNTIDY_FOLDERS: frozenset[str] = frozenset(f"{_THUMBNAILS} {_BINS} {_OLDER}".casefold().split())
"""The names, in lower case, of recycle bins and of folders of thumbnails and older copies."""


def _ignore(found: object) -> None:
    """Take note of nothing."""


def find_images(
    paths: Paths,
    on_failure: Callable[[Failure], None],
    all_folders: bool = False,
    on_passed_over: Callable[[str], None] = _ignore,
    only_suffixes: bool = False,
    on_unread: Callable[[Unread], None] = _ignore,
) -> Iterator[str]:
    """Yield the paths of the image files under some paths.

    A path that names a file is yielded whatever its suffix is. Of a folder, first its own image
    files are yielded in sorted order, and then those of the folders inside it. A file with one of
    the ``IMAGE_SUFFIXES`` is an image; another one is if it begins like one, which is found out by
    reading 64 bytes of it. Names that begin with a dot are left out. So are the ``UNTIDY_FOLDERS``
    inside a given folder; a given path itself is always walked. Symbolic links are followed, but
    under each given path every folder is entered once and every file yielded once.

    Args:
        paths: files and folders. Each yielded path begins with the path that was given; bytes that
            are not UTF-8 stay in it as surrogates, as `os.fsdecode` leaves them.
        on_failure: called with each path that is missing, cannot be listed, or is a broken link.
        all_folders: whether the ``UNTIDY_FOLDERS`` are walked too.
        on_passed_over: called with the path of each folder that is left out because it is one of
            the ``UNTIDY_FOLDERS``; folders inside of it are not counted.
        only_suffixes: whether files without one of the ``IMAGE_SUFFIXES`` are left out, and not
            looked at.
        on_unread: called with each image in a folder that is left out because images of its kind
            are not read.
    """

    def takes(path: str, tell: bool = True) -> bool:
        """Tell whether a file is an image, and report one that is not read, or not readable."""
        found = _looked_at(path, only_suffixes)
        if tell and isinstance(found, Failure):
            on_failure(found)
        elif tell and isinstance(found, Unread):
            on_unread(found)
        return found is True

    def enter(parent: str, name: str) -> bool:
        """Tell whether a folder is walked, and report one that is passed over as untidy."""
        if name.casefold() not in UNTIDY_FOLDERS:
            return not name.startswith(".")
        if not all_folders:
            on_passed_over(os.path.join(parent, name))
        return all_folders

    for path in as_paths(paths):
        try:
            is_folder = stat.S_ISDIR(os.stat(path).st_mode)
        except (OSError, ValueError) as error:
            on_failure(Failure(path, os_reason(error)))
            continue
        if not is_folder:
            yield path
            continue
        try:
            yield from _walk(path, on_failure, enter, takes)
        except RecursionError:  # os.walk before Python 3.12, at about 1,000 folders
            on_failure(Failure(path, "folders nested too deep; not all were walked"))


def refuse_missing(folders: Paths) -> None:
    """Check that all folders exist.

    Args:
        folders: the paths of the folders.

    Raises:
        InputError: if one is missing or is not a folder; the error names the first such one.
    """
    for folder in as_paths(folders):
        if not os.path.isdir(folder):
            raise InputError(f"no folder {folder}", "expected a folder of images", "check its name")


def is_walked(inside: str, all_folders: bool = False) -> bool:
    """Whether a walk of a folder, as `find_images` does it, comes to a path in it.

    Args:
        inside: the path, relative to that folder; a folder's ends with a separator.
        all_folders: whether the ``UNTIDY_FOLDERS`` are walked too.
    """
    names = inside.split(os.sep)
    hidden = any(name.startswith(".") and name != os.curdir for name in names)
    untidy = any(name.casefold() in UNTIDY_FOLDERS for name in names[:-1])
    return not hidden and (all_folders or not untidy)


def takes_file(path: str, only_suffixes: bool = False) -> bool:
    """Whether a file of a folder is an image, or one that cannot be looked at: `find_images`.

    Args:
        path: of the file.
        only_suffixes: whether it is known by its suffix alone.
    """
    found = _looked_at(path, only_suffixes)
    return found is True or isinstance(found, Failure)


def tidiest(paths: Iterable[str]) -> str:
    """Choose the path by which to name a picture that lies at several places.

    A path outside of the ``UNTIDY_FOLDERS`` is preferred, then the shortest path, and then the
    first one in alphabetical order.

    Args:
        paths: at least one path.

    Raises:
        ValueError: if there is no path.
    """
    return min(paths, key=lambda path: (_is_untidy(path), len(path), path))


def _is_untidy(path: str) -> bool:
    folders = path.replace("\\", "/").split("/")[:-1]  # a collection may come from Windows
    return any(folder.casefold() in UNTIDY_FOLDERS for folder in folders)


def _has_image_suffix(path: str) -> bool:
    return os.path.splitext(path)[1].lower() in IMAGE_SUFFIXES


def _looked_at(path: str, only_suffixes: bool) -> Unread | Failure | bool:
    """Whether a file is an image, by its suffix or as `look_at` says, or why that is not known."""
    if _has_image_suffix(path) or only_suffixes:
        return _has_image_suffix(path)
    try:
        return look_at(path)
    except FileNotFoundError:  # removed a moment ago
        return False
    except OSError as error:
        return Failure(path, os_reason(error))


class Takes(Protocol):
    """A function that tells whether a file is taken."""

    def __call__(self, path: str, tell: bool = True) -> bool:
        """Look at a file, and report why it is not taken, unless ``tell`` is False."""
        ...


def _walk(
    top: str,
    on_failure: Callable[[Failure], None],
    enter: Callable[[str, str], bool],
    takes: Takes,
) -> Iterator[str]:
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
        folders[:] = sorted(name for name in folders if enter(folder, name))
        for name in sorted(name for name in files if not name.startswith(".")):
            path, target = os.path.join(folder, name), os.path.join(real, name)
            is_link = os.path.islink(path)
            if is_link and not os.path.exists(path):
                on_failure(Failure(path, "broken link"))
                continue
            if is_link:
                target = os.path.realpath(path)
                at, own = os.path.split(target)
                if at in entered and not own.startswith(".") and takes(target, tell=False):
                    continue  # the file was yielded under its own name, or will be
            if target not in linked and takes(path):
                if is_link:
                    linked.add(target)
                yield path
