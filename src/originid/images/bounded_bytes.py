"""The bytes of a file while a decoder reads them: within a time, and not again and again."""

import io
import math
import time

from originid.errors import ImageError


class BoundedBytes(io.BytesIO):
    """The bytes of a file, which can be read while the time lasts, and only so often.

    Args:
        data: the bytes of the file.
        seconds: the time from now, or from `restart`, in seconds.
        allowance: the number of bytes that may be read. It matters while a header is parsed: in a
            TIFF of 0.5 MB, 5,000 fields can all point at the same 0.4 MB, and Pillow before version
            13 copies the bytes for each of them.
        reads: the number of times that something may be read. It matters while a header is parsed
            too: of a GIF of 25 MB, 5 million comments become as many objects.
    """

    def __init__(
        self,
        data: bytes,
        seconds: float = math.inf,
        allowance: float = math.inf,
        reads: float = math.inf,
    ) -> None:
        super().__init__(data)
        self.allowance, self.reads = allowance, reads
        self._seconds = seconds
        self.restart()

    def restart(self) -> None:
        """Start the time anew."""
        self._deadline = time.monotonic() + self._seconds

    def read(self, size: int | None = -1, /) -> bytes:
        """Read as any file does.

        Args:
            size: the number of bytes to read; -1 or None reads the rest.

        Raises:
            ImageError: if the time, the allowance or the number of reads is used up.
        """
        if time.monotonic() > self._deadline:
            given = f"decoding takes more than {self._seconds:g} seconds"
            raise ImageError(given, "expected a simpler image", "save it anew or raise the limit")
        got = super().read(size)
        self.allowance -= len(got)
        self.reads -= 1
        if self.allowance < 0 or self.reads < 0:
            given = "a header that repeats itself, or has very many parts"
            raise ImageError(given, "expected an image", "save it anew")
        return got
