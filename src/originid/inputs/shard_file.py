"""A file that several threads read at any place, for as long as somebody still needs it."""

import os
import tempfile
import threading
import weakref

from originid.errors import ImageError
from originid.images.decode import ReserveMemory
from originid.images.limits import Limits
from originid.system.storage import storage_errors


class ShardFile:
    """An open file, or a temporary one that is gone when nobody refers to it any more.

    Args:
        path: of a regular file.
        temporary: whether the file is removed afterwards.
    """

    def __init__(self, path: str, temporary: bool = False) -> None:
        flags = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
        self.number = os.open(path, flags)
        """The descriptor, whose place in the file is the one of whoever reads it in order."""
        # Windows cannot read at a place without moving to it.
        self._other = self.number if hasattr(os, "pread") else os.open(path, flags)
        self._lock = threading.Lock()
        numbers = {self.number, self._other}
        weakref.finalize(self, _close, numbers, path if temporary else None)

    def read(self, start: int, size: int, limits: Limits, reserve: ReserveMemory) -> bytes:
        """Read the bytes of one image.

        Args:
            start: where they begin.
            size: how many there are.
            limits: of an image file; only ``max_bytes`` is used.
            reserve: called with their number.

        Raises:
            ImageError: they are too many, or not all there.
        """
        if not 0 < size <= limits.max_bytes:
            expected = f"expected 1 to {limits.max_bytes:,}"
            raise ImageError(f"it has {size:,} bytes", expected, "leave it out")
        reserve(size)
        try:
            data = self._at(start, size)
        except OSError as error:
            given = error.strerror or str(error)
            raise ImageError(given, "expected an archive that can be read", "try again") from error
        if len(data) < size:
            given = f"the archive ends after {len(data):,} of its {size:,} bytes"
            raise ImageError(given, "expected all of it", "fetch the archive again")
        return data

    def _at(self, start: int, size: int) -> bytes:
        parts = []
        while size and (part := self._part(start, size)):
            parts.append(part)
            start, size = start + len(part), size - len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _part(self, start: int, size: int) -> bytes:
        if hasattr(os, "pread"):
            return os.pread(self._other, size, start)
        with self._lock:
            os.lseek(self._other, start, os.SEEK_SET)
            return os.read(self._other, size)


class Spool:
    """Bytes of images that wait on the disk until they are read, and not in memory.

    Its files are removed when nobody reads from them any more.
    """

    MOST = 256_000_000  # bytes of a file

    def __init__(self) -> None:
        self._file: ShardFile | None = None
        self._path, self._end = "", 0

    def put(self, data: bytes) -> tuple[ShardFile, int]:
        """Keep some bytes; return the file and the place where they begin.

        Raises:
            StorageError: the disk is full.
        """
        with storage_errors(tempfile.gettempdir()):
            if self._file is None or self._end >= self.MOST:
                number, self._path = tempfile.mkstemp(prefix="originid-")
                os.close(number)
                self._file, self._end = ShardFile(self._path, temporary=True), 0
            with open(self._path, "ab") as file:
                file.write(data)
        start = self._end
        self._end += len(data)
        return self._file, start


def _close(numbers: set[int], path: str | None) -> None:
    for number in numbers:
        os.close(number)
    if path is not None:
        os.unlink(path)
