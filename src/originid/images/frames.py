"""Animations: the picture of one is its first frame that is not blank."""

from collections.abc import Iterator

import numpy as np
from PIL.ImageFile import ImageFile

from originid.types import Image

MOST = 100  # frames that are decoded to find one: animations that fade in need some 30
CONTRAST = 32  # grey levels of 255 between the darkest and the brightest pixel of a faint frame
LOOKED_AT = 128  # rows, and columns, at which is looked


def later_frames(opened: ImageFile) -> Iterator[ImageFile]:
    """Yield an animation with its second frame loaded, then with its third one, and so on.

    Args:
        opened: an image that is loaded and `moves`.
    """
    for frame in range(1, MOST):
        try:
            opened.seek(frame)
        except EOFError:
            return
        opened.load()
        yield opened


def moves(opened: ImageFile) -> bool:
    """Tell whether an image has further frames; those of a TIFF are pages, and do not count.

    Args:
        opened: an image that is loaded.
    """
    return opened.format != "TIFF" and bool(getattr(opened, "is_animated", False))


def is_blank(image: Image) -> bool:
    """Tell whether a frame shows next to nothing.

    Args:
        image: uint8 RGB of shape (h, w, 3).
    """
    step = max(1, min(image.shape[:2]) // LOOKED_AT)
    some = image[::step, ::step].reshape(-1, 3).astype(np.int16)
    return bool((some.max(axis=0) - some.min(axis=0) < CONTRAST).all())
