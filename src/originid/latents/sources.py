"""What stands for an image: a path, the bytes of a file, an array, or an image of Pillow."""

import io
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from PIL import Image as Pillow

from originid.errors import InputError
from originid.images.decode import ReserveMemory
from originid.images.limits import Limits
from originid.images.lossless import lossless_file
from originid.system.file_status import NOT_LOOKED_AT, FileStatus
from originid.types import NOT_DESCRIBED, Description, Image

NO_IMAGES = (io.IOBase, memoryview, Mapping)  # what could be gone through, but holds no images

ImageLike: TypeAlias = str | os.PathLike[str] | bytes | Image | Pillow.Image
"""What stands for an image: a path, the bytes of a file, a uint8 RGB array (h, w, 3), or an image
of Pillow."""


ReadBytes: TypeAlias = Callable[[Limits, ReserveMemory], bytes]
"""A function that reads the bytes of one image file.

It is called with the limits of a file and with a function that it calls with the number of bytes
before it holds them, if that is known. It raises an `ImageError` if they cannot be had.
"""


@dataclass(frozen=True)
class Source:
    """An image to read: a file, bytes that stand for a file, or what a function reads.

    Args:
        name: the path of the file, or a name for the bytes.
        data: the bytes of the image file, or None to read them.
        status: the state of the file before it is read; it is only passed on.
        description: what is said of the image elsewhere than in its file.
        read: reads the bytes; None reads them from the path.
    """

    name: str
    data: bytes | None = None
    status: FileStatus = NOT_LOOKED_AT
    description: Description = NOT_DESCRIBED
    read: ReadBytes | None = field(default=None, compare=False, repr=False)

    @classmethod
    def of(cls, image: ImageLike, name: str) -> "Source":
        """The source of whatever stands for an image.

        Args:
            image: see `ImageLike`. It gets the latent that its file would get.
            name: what the image is called where it is not a path.

        Raises:
            InputError: an array of another type or shape, or something else.
        """
        if isinstance(image, str | os.PathLike):
            return cls(os.fspath(image))
        if isinstance(image, bytes | bytearray):
            return cls(name, bytes(image))
        return cls(name, lossless_file(image))


def is_one_image(images: object) -> bool:
    """Whether something is one image, as `ImageLike` says, and not several."""
    if isinstance(images, np.ndarray):
        return images.ndim == 3
    return isinstance(images, str | os.PathLike | bytes | bytearray | Pillow.Image | Source)


def as_sources(images: "ImageLike | Source | Iterable[ImageLike | Source]") -> "Iterator[Source]":
    """The sources of one image or of several; what is no path is called ``image 1`` and so on.

    Raises:
        InputError: an array of another type or shape, or something that is no image. Of one among
            several it is raised when its turn comes.
    """
    one = is_one_image(images)
    if isinstance(images, np.ndarray) and images.ndim not in (3, 4):
        raise InputError(
            f"an array of shape {images.shape}",
            "expected an RGB image (h, w, 3), or several (n, h, w, 3)",
            "give a grey image three channels: np.stack([image] * 3, axis=-1)",
        )
    if not one and (isinstance(images, NO_IMAGES) or not isinstance(images, Iterable)):
        raise InputError(
            f"an object of the type {type(images).__name__}",
            "expected an image, or several: paths, bytes of files, images of Pillow, or arrays",
            "name the file; of an open file, give what its read() returns",
        )
    several: Iterable[ImageLike | Source]
    several = [images] if one else images  # type: ignore[list-item, assignment]
    return (
        image if isinstance(image, Source) else Source.of(image, f"image {number}")
        for number, image in enumerate(several, start=1)
    )
