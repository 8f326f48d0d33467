"""The nouns of originid as small frozen classes, and the arrays they travel in."""

from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats32 = NDArray[np.float32]
"""Float32 numbers, of the shape that the place of use names."""
Floats64 = NDArray[np.float64]
"""Float64 numbers, of the shape that the place of use names."""
Ints = NDArray[np.int64]
"""Int64 numbers, of the shape that the place of use names."""
Mask = NDArray[np.bool_]
"""One truth value per row of another array: shape ``(n,)``."""
Rows = NDArray[np.int64]
"""Row numbers of another array, which start at 0: shape ``(n,)``."""
Image = NDArray[np.uint8]
"""An image: RGB, upright, shape ``(h, w, 3)``; a batch of equal size is ``(n, h, w, 3)``."""
Latents = NDArray[np.float32]
"""What an encoder makes of images, flattened C, H, W: shape ``(n, latent_dim)``."""
Vectors = NDArray[np.float32]
"""Mapped latents of unit length: shape ``(n, dim)``."""
Scores = NDArray[np.float32]
"""Cosines in [-1, 1], bigger is better: shape ``(q, k)``."""
Ids = NDArray[np.int64]
"""Ids of references: shape ``(n,)`` or, aligned with scores, ``(q, k)``; -1 where there is none."""


class Verdict(str, Enum):
    """The answer for one query."""

    ORIGIN = "origin"
    UNCERTAIN = "uncertain"
    NONE = "none"


@dataclass(frozen=True)
class Match:
    """A reference returned for a query.

    ``rank`` starts at 1; ``score`` is a cosine in [-1, 1]; ``confidence`` in [0, 1] is the
    probability that no stranger in the collection scores this high; ``view`` names the
    part of the query that matched.
    """

    rank: int
    reference: str
    score: float
    confidence: float
    view: str = "full"


@dataclass(frozen=True)
class Answer:
    """What was found for one query; ``verdict`` is None when the query could not be read."""

    query: str
    verdict: Verdict | None
    matches: tuple[Match, ...] = ()
    error: str | None = None


@dataclass(frozen=True)
class Failure:
    """A file that was passed over, and why, in one line."""

    path: str
    reason: str


@dataclass(frozen=True)
class Pair:
    """An origin and a query made from it: one row of a pairs manifest.

    ``fields`` holds every column of the manifest as text.
    """

    origin: Path
    query: Path
    group: str
    fields: dict[str, str] = field(default_factory=dict)


Json = dict[str, Any]
"""A JSON object."""
