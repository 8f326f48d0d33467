"""Pictures in an object store, such as ``s3://bucket/photos``, by fsspec."""

import hashlib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from originid.errors import ExtraError, ImageError, InputError
from originid.images.decode import ReserveMemory
from originid.images.find_files import IMAGE_SUFFIXES
from originid.images.limits import Limits
from originid.inputs.kinds import OnFailure
from originid.latents.sources import Source
from originid.system.file_status import FileStatus
from originid.system.storage import storage_errors
from originid.types import Failure

PART = 4_000_000  # bytes read at a time


@dataclass(frozen=True)
class StoreListing:
    """The images of a folder of an object store, or one image, as a `Listing`.

    Args:
        name: its address.
    """

    name: str

    def listed(self, on_failure: OnFailure) -> Iterator[Source]:
        """Name the images, as `Listing.listed`; in a folder they are known by their suffixes."""
        try:
            files, path = open_store(self.name)
        except ImageError as error:
            on_failure(Failure(self.name, error.reason))
            return
        try:
            info = files.info(path)
            if info.get("type") != "directory":
                yield _source(self.name, info)
                return
            for folder, _, found in files.walk(path, detail=True):
                for each in sorted(found):
                    if each.startswith(".") or not _is_image(each):
                        continue
                    inside = f"{folder}/{each}"[len(path) :].lstrip("/")
                    yield _source(f"{self.name.rstrip('/')}/{inside}", found[each])
        except Exception as error:  # the stores of fsspec raise errors of many libraries
            on_failure(Failure(self.name, reason(error)))


def open_store(url: str) -> tuple[Any, str]:
    """The file system of fsspec that holds an object, and the path of the object in it.

    Args:
        url: the address of the object.

    Raises:
        ExtraError: fsspec is not installed.
        ImageError: it has no such store, lacks a package for it, or cannot open it by its address.
    """
    try:
        from fsspec.core import url_to_fs
    except ImportError as error:
        raise ExtraError(f"{url.partition('://')[0]}://", "stores") from error
    try:
        files, path = url_to_fs(url)
    except (ImportError, ValueError) as error:  # such as: Install s3fs to access S3
        raise ImageError(reason(error), "expected a store that fsspec knows", "install it") from (
            error
        )
    except Exception as error:  # such as a store that needs more than an address
        raise ImageError(
            f"the store cannot be opened: {reason(error)}",
            "expected one that its address alone opens",
            "set the rest in a configuration file of fsspec",
        ) from error
    return files, path


def globbed(name: str) -> list[str]:
    """The addresses of the objects that a name with ``*`` in it stands for, in sorted order.

    Raises:
        InputError: there are none, or the store does not answer.
    """
    files, path = open_store(name)
    try:
        found = sorted(files.glob(path))
    except Exception as error:
        raise InputError(reason(error), "expected a store that answers", "try again") from error
    if not found:
        raise InputError("no object of that name", "expected some", "check the address")
    names = (str(files.unstrip_protocol(each)) for each in found)
    return [name.replace(":///", "://", 1) for name in names]


def read_object(url: str, limits: Limits, reserve: ReserveMemory) -> bytes:
    """Read one object of a store.

    Args:
        url: its address.
        limits: of an image file; only ``max_bytes`` is used.
        reserve: called with its number of bytes.

    Raises:
        ImageError: it cannot be read, or is too large.
    """
    files, path = open_store(url)
    try:
        size = int(files.info(path).get("size") or 0)
        if 0 < size <= limits.max_bytes:
            reserve(size)
            with files.open(path, "rb") as file:
                return bytes(file.read(size))
    except Exception as error:
        given = reason(error)
        raise ImageError(given, "expected an object that can be read", "try again") from error
    expected = f"expected 1 to {limits.max_bytes:,}"
    raise ImageError(f"the object has {size:,} bytes", expected, "leave it out")


def open_object(url: str) -> Any:
    """Open an object of a store as a file of Python.

    Args:
        url: its address.

    Raises:
        ImageError: it cannot be opened.
    """
    files, path = open_store(url)
    try:
        return files.open(path, "rb")
    except Exception as error:
        given = reason(error)
        raise ImageError(given, "expected an object that is there", "check the name") from error


def state_of(url: str) -> FileStatus:
    """What changes when an object of a store does.

    Raises:
        ImageError: it cannot be looked at.
    """
    files, path = open_store(url)
    try:
        return _state(files.info(path))
    except Exception as error:
        given = reason(error)
        raise ImageError(given, "expected an object that is there", "check the name") from error


def copied(url: str) -> str:
    """Copy an object of a store into a temporary file, whose path is returned.

    Raises:
        ImageError: it cannot be read.
        StorageError: the disk is full.
    """
    files, path = open_store(url)
    number, name = tempfile.mkstemp(prefix="originid-", suffix=os.path.splitext(url)[1])
    try:
        with open(number, "wb") as target:
            for part in _parts(files, path):
                with storage_errors(name):
                    target.write(part)
    except BaseException:
        os.unlink(name)
        raise
    return name


def reason(error: Exception) -> str:
    """What an error of a store says, in one short line."""
    text = " ".join(str(error).split()) or type(error).__name__
    missing = isinstance(error, FileNotFoundError)
    return "no such object" if missing else text[:200]


def _parts(files: Any, path: str) -> Iterator[bytes]:
    try:
        with files.open(path, "rb") as source:
            while part := source.read(PART):
                yield part
    except Exception as error:
        given = reason(error)
        raise ImageError(given, "expected an object that can be read", "try again") from error


def _source(url: str, info: dict[str, Any]) -> Source:
    size = int(info.get("size") or 0)
    status = FileStatus(size, _state(info).mtime_ns)
    return Source(url, status=status, read=partial(read_object, url))


def _state(info: dict[str, Any]) -> FileStatus:
    """A number that changes when an object does: stores tell a time, or a tag of the content."""
    told = [info.get(key) for key in ("size", "mtime", "LastModified", "created", "ETag", "etag")]
    number = int.from_bytes(hashlib.sha256(repr(told).encode()).digest()[:7], "big")
    return FileStatus(mtime_ns=number)


def _is_image(name: str) -> bool:
    return os.path.splitext(name)[1].lower() in IMAGE_SUFFIXES
