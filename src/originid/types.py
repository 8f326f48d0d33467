"""The nouns of originid as small frozen classes, and the types of its arrays.

An array type says the dtype. What a shape means is said here, or where the array is used.
"""

from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats32 = NDArray[np.float32]
"""An array of float32; the place of use says its shape and its unit."""
Floats64 = NDArray[np.float64]
"""An array of float64; the place of use says its shape and its unit."""
Ints = NDArray[np.int64]
"""An array of int64; the place of use says its shape and its meaning."""
Mask = NDArray[np.bool_]
"""A bool for each row of another array: shape ``(n,)``."""
Rows = NDArray[np.int64]
"""Numbers of rows of another array, int64 from 0: shape ``(n,)``."""
Image = NDArray[np.uint8]
"""An image: uint8 RGB, upright, shape ``(h, w, 3)``. A batch of one size is ``(n, h, w, 3)``."""
Latents = NDArray[np.float32]
"""What an encoder makes of images, float32: shape ``(n, latent_dim)``, flattened from (C, H, W)."""
Vectors = NDArray[np.float32]
"""Mapped latents that are scaled to unit length, float32: shape ``(n, dim)``."""
Scores = NDArray[np.float32]
"""Cosines in [-1, 1], float32; a bigger one is better: shape ``(q, k)``."""
Box = tuple[float, float, float, float]
"""A part of an image: (left, top, right, bottom) in [0, 1] of its width and height."""
Ids = NDArray[np.int64]
"""Ids of references, int64: shape ``(n,)``, or ``(q, k)`` beside scores. -1 means no reference."""


class Verdict(str, Enum):
    """The answer for one query."""

    ORIGIN = "origin"
    UNCERTAIN = "uncertain"
    NONE = "none"


@dataclass(frozen=True)
class Failure:
    """A file that could not be used.

    Args:
        path: the path of the file.
        reason: the reason in one line.
    """

    path: str
    reason: str


@dataclass(frozen=True)
class Description:
    """What its holder says of an image; a text is empty where nothing is said.

    Args:
        caption: what the image shows.
        credit: who made it, or whose it is.
        licence: how it may be used.
        date: when it was made, as the holder writes it.
        link: an address, http or https, where the image or more about it can be had.
    """

    caption: str = ""
    credit: str = ""
    licence: str = ""
    date: str = ""
    link: str = ""

    def __bool__(self) -> bool:
        return any((self.caption, self.credit, self.licence, self.date, self.link))

    def over(self, other: "Description") -> "Description":
        """What this one says, and what another one says where this one says nothing."""
        return Description(*(getattr(self, each) or getattr(other, each) for each in vars(self)))


NOT_DESCRIBED = Description()
"""A description that says nothing."""
JpegFile = bytes
"""The bytes of a JPEG file."""


@dataclass(frozen=True)
class Manifest:
    """The content credentials (C2PA) that an image file carries.

    Args:
        label: the identifier of the active manifest, such as ``urn:c2pa:`` and a UUID.
        store: the manifest store, a box of JUMBF.
    """

    label: str
    store: bytes


@dataclass(frozen=True)
class Pair:
    """An origin and a query that was made from it: one row of a pairs manifest.

    Args:
        origin: the absolute path of the origin.
        query: the absolute path of the query.
        group: the name of what the pair belongs to; every origin of a group is a right answer for
            every query of that group.
        fields: every cell of the row as text, by the name of its column.
    """

    origin: Path
    query: Path
    group: str
    fields: dict[str, str] = field(default_factory=dict)


Json = dict[str, Any]
"""A JSON object, as the module ``json`` reads it."""
