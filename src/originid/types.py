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
class Match:
    """A reference that was found for a query.

    Args:
        rank: the place of the reference among the matches; the best has rank 1.
        reference: the path of the reference.
        score: the cosine of the two vectors, in [-1, 1].
        false_match_rate: the probability, in [0, 1], that the best stranger in the collection
            scores this high. A stranger is a reference that the query was not made from.
        view: what was done to the query before it matched, in words: ``full`` is the whole image as
            it is; others are ``mirrored``, ``turned by a quarter``, ``block 1 of the picture`` and
            ``mirrored, as the upper left part of the reference``.
        box: where in the reference the query lies, as (left, top, right, bottom) in [0, 1] of its
            width and height. It is None where the view is ``full``, unless the query is the picture
            that a frame of the reference holds: then it is where that picture lies.
        copies: the paths of other references that are the same picture, and other paths of the same
            file.
        exists: whether the file of the reference was there when the query was answered.
    """

    rank: int
    reference: str
    score: float
    false_match_rate: float
    view: str = "full"
    copies: tuple[str, ...] = ()
    box: tuple[float, float, float, float] | None = None
    exists: bool = True

    @property
    def confidence(self) -> float:
        """The probability, in [0, 1], that no stranger in the collection scores this high.

        It is not the probability that the reference is the origin. Where the verdict is ``none``,
        it only says how ordinary the score is.
        """
        return 1 - self.false_match_rate


@dataclass(frozen=True)
class Answer:
    """What was found for one query.

    Args:
        query: the path of the query.
        verdict: the answer, or None if the query could not be read.
        matches: the best references, rank 1 first. References that are the same picture are one
            match.
        reason: why the verdict is what it is, in one sentence.
        error: the reason why the query could not be read, or None.
    """

    query: str
    verdict: Verdict | None
    matches: tuple[Match, ...] = ()
    reason: str = ""
    error: str | None = None


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
