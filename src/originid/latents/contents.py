"""The content of framed images: it is cut out and encoded as a picture of its own."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image as Pillow

from originid.encoders.base import Encoder, latents_of
from originid.errors import ImageError
from originid.images.decode import decode
from originid.images.limits import Limits
from originid.images.thumbnails import thumbnails
from originid.types import Box, Image, Latents
from originid.verdict.margins import LINE_TOLERANCE, framed

SIDE = 512  # pixels: what is a fifth of the area still has as many as most encoders look at

FindContent = Callable[[Image], Box | None]
"""A function that finds the part of an image, uint8 RGB (h, w, 3), that is a picture of its own.

It is called with images that may be framed, squashed to a square of at least `SIDE` pixels.
"""


@dataclass(frozen=True)
class Cut:
    """The content of a framed image, cut out.

    Args:
        box: where it lies in the image.
        image: squashed as the image itself, uint8 of shape (size, size, 3).
    """

    box: Box
    image: Image


@dataclass(frozen=True)
class Content:
    """The content of a framed image, encoded as a picture of its own.

    Args:
        box: where it lies in the image.
        latent: float32 of shape (latent_dim,).
    """

    box: Box
    latent: Latents


def cut_content(data: bytes, image: Image, limits: Limits, find: FindContent) -> Cut | None:
    """Cut the content out of a framed image.

    Args:
        data: the bytes of the file, which was decoded before.
        image: what it was decoded to, uint8 of shape (size, size, 3).
        limits: the limits above which a file is refused.
        find: the function that finds the content.

    Returns:
        The content, or None if the image is not framed.
    """
    thumbnail = thumbnails(image[np.newaxis])
    if not _has_flat_edge(thumbnail[0]) or not framed(thumbnail)[0]:
        return None
    try:
        whole = decode(data, max(SIDE, 2 * len(image)), limits).image
    except ImageError:  # the first time it was decoded just within the limit
        return None
    box = find(whole)
    if box is None:
        return None
    left, top, right, bottom = (round(share * len(whole)) for share in box)
    # Cut first: the filter would mix what is beside the content into its borders.
    cut = Pillow.fromarray(whole[top:bottom, left:right])
    square = cut.resize((len(image), len(image)), Pillow.Resampling.BILINEAR)
    return Cut(box, np.asarray(square))


def encode_cuts(cuts: Sequence[Cut | None], encoder: Encoder) -> list[Content | None]:
    """Encode contents; where there is none, or it has no finite latent, None stays.

    Args:
        cuts: the content of each of several images.
        encoder: the encoder of the images.
    """
    found = [cut for cut in cuts if cut is not None]
    if not found:
        return [None] * len(cuts)
    latents = iter(latents_of(encoder, np.stack([cut.image for cut in found])))
    contents = [None if cut is None else Content(cut.box, next(latents)) for cut in cuts]
    return [each if each and np.isfinite(each.latent).all() else None for each in contents]


def _has_flat_edge(image: Image) -> bool:
    """Whether an outermost line of an image (h, w, 3) has one colour: few photos have such a line.

    Every fourth pixel is looked at, and one on each end of their range may be a word or a sign.
    """
    rows, columns = image[:: len(image) - 1, ::4], image[::4, :: image.shape[1] - 1]
    lines = np.sort(np.stack([*rows, *columns.swapaxes(0, 1)]), axis=1).astype(np.int16)
    return bool((lines[:, -2] - lines[:, 1] <= 2 * LINE_TOLERANCE).all(axis=1).any())
