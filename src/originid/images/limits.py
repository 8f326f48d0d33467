"""How much one image file may cost."""

from dataclasses import dataclass

from originid.errors import InputError


@dataclass(frozen=True)
class Limits:
    """How much one image file may cost. A file that costs more is refused with an `ImageError`.

    Args:
        max_bytes: the largest size of the file in bytes, above 0. The default is 4 bytes for each
            of the largest number of pixels, which a file without compression has.
        max_pixels: the largest number of pixels, above 0. The default is that of the largest
            camera sensors.
        max_memory: the most memory that decoding may take in bytes, above 0. By default it is 1.4
            GB: 160 megapixels of JPEG take 0.8 GB, and 100 megapixels with 16 bits a colour or with
            transparency 1.4 GB.
        max_seconds: the longest time for decoding, in seconds, above 0. By default it is 30; 160
            megapixels of PNG or JPEG take less than 10 on a slow core.

    Raises:
        InputError: if a limit is not above 0.
    """

    max_bytes: int = 640_000_000
    max_pixels: int = 160_000_000
    max_memory: int = 1_400_000_000
    max_seconds: float = 30.0

    def __post_init__(self) -> None:
        if min(self.max_bytes, self.max_pixels, self.max_memory, self.max_seconds) <= 0:
            raise InputError(f"{self}", "expected limits above 0", "leave out what has no limit")


LIMITS = Limits()
