"""Geometric verification: do enough features agree on how one image lies in the other?

Features of two images are matched where each is the other's nearest. If one image was made from a
part of the other, most good matches follow one similarity (a turn, a zoom and a shift). It is found
by RANSAC (Fischler and Bolles 1981): pairs of matches propose one, and the matches that it puts
within some pixels, its inliers, vote for it. As complex numbers, a similarity is z -> a z + b.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from originid.details.features import BITS, Features
from originid.errors import InputError
from originid.types import Box, Floats32, Ints

Complex = NDArray[np.complex128]


@dataclass(frozen=True)
class VerificationSettings:
    """What counts as a match, and what as an agreement.

    Args:
        cosine: of descriptors, above which a match counts, by how far it is above.
        turn: degrees that one image may be turned against the other.
        zoom: factor by which one may be larger.
        near: pixels within which a match agrees with a similarity.
        proposals: similarities that are tried.
        seed: of the choice of pairs.
    """

    cosine: float = 0.4
    turn: float = 20.0
    zoom: float = 3.2
    near: float = 8.0
    proposals: int = 400
    seed: int = 0

    def __post_init__(self) -> None:
        if not (0 <= self.cosine < 1 and 0 < self.turn <= 180 and self.zoom >= 1):
            raise InputError(
                f"{self}", "expected 0 <= cosine < 1, 0 < turn <= 180, zoom >= 1", "leave them out"
            )
        if not self.near > 0 or self.proposals < 1:  # not a number is refused too
            raise InputError(f"{self}", "expected near > 0 and proposals >= 1", "leave them out")


DEFAULTS = VerificationSettings()


@dataclass(frozen=True)
class Agreement:
    """How a query lies in a reference.

    Args:
        statistic: the sum over the inliers of (cosine - settings.cosine); 0 where there are none.
        query: the inliers among the query's features, (n,).
        reference: the features of the reference that they match, (n,).
        turn_zoom: a of z -> a z + b, from pixels of the query to those of the reference.
        shift: b.
        box: the query's bounds in the reference, cut at its border; None without inliers.
    """

    statistic: float
    query: Ints
    reference: Ints
    turn_zoom: complex
    shift: complex
    box: Box | None


def verify(
    query: Features, reference: Features, settings: VerificationSettings = DEFAULTS
) -> Agreement:
    """How well the features of a query agree with those of a reference; about 3 ms.

    The same two images always give the same result.
    """
    here, there, cosines = match(query, reference, settings.cosine)
    z, w = query.places[here], reference.places[there]
    found = _best_similarity(z, w, cosines - np.float32(settings.cosine), settings)
    if found is None:
        none = np.zeros(0, np.int64)
        return Agreement(0.0, none, none, 1 + 0j, 0j, None)
    a, b, inliers = found
    statistic = float((cosines[inliers] - settings.cosine).sum())
    box = _box(query, reference, a, b)
    return Agreement(statistic, here[inliers], there[inliers], a, b, box)


def match(query: Features, reference: Features, least: float) -> tuple[Ints, Ints, Floats32]:
    """Mutual nearest neighbours: their rows (n,) in both, and estimated cosines (n,).

    The share of equal signs estimates the angle between two descriptors (Goemans and Williamson
    1995): cosine = sin(pi / 2 * mean product of the signs).

    Args:
        query: features.
        reference: features.
        least: cosine that a match must exceed.
    """
    if not len(query) or not len(reference):
        return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.float32)
    products = query.signs @ reference.signs.T
    nearest = products.argmax(axis=1)
    rows = np.arange(len(query))
    cosines = np.sin(np.pi / 2 / BITS * products[rows, nearest]).astype(np.float32)
    # Most are not good enough, and the way back is the slower one.
    rows = np.flatnonzero(cosines > least)
    back = products.T[nearest[rows]].argmax(axis=1)
    rows = rows[back == rows]
    return rows, nearest[rows], cosines[rows]


def _best_similarity(
    z: Complex, w: Complex, weights: Floats32, settings: VerificationSettings
) -> tuple[complex, complex, NDArray[np.bool_]] | None:
    """The similarity from z to w with the heaviest inliers, refitted, and which these are."""
    if len(z) < 3:
        return None
    random = np.random.default_rng(settings.seed)
    # Good matches propose more often.
    share = weights / weights.sum()
    first, second = random.choice(
        len(z), (2, settings.proposals), p=share.astype(np.float64) / share.sum(dtype=np.float64)
    )
    apart = np.abs(z[first] - z[second]) > settings.near
    first, second = first[apart], second[apart]
    a = (w[first] - w[second]) / (z[first] - z[second])
    fits = np.abs(np.angle(a)) <= np.radians(settings.turn)
    fits &= (np.abs(a) <= settings.zoom) & (np.abs(a) >= 1 / settings.zoom)
    a, b = a[fits], (w[first] - a * z[first])[fits]
    if not len(a):
        return None
    votes = _inliers(a, b, z, w, settings.near) @ weights
    best = int(np.argmax(votes))
    a_best, b_best = complex(a[best]), complex(b[best])
    inliers = _inliers(a[best : best + 1], b[best : best + 1], z, w, settings.near)[0]
    refitted = _least_squares(z[inliers], w[inliers], weights[inliers])
    new_a, new_b = np.array([refitted[0]]), np.array([refitted[1]])
    again = _inliers(new_a, new_b, z, w, settings.near)[0]
    if weights[again].sum() >= weights[inliers].sum():
        (a_best, b_best), inliers = refitted, again
    return None if inliers.sum() < 3 else (a_best, b_best, inliers)


def _inliers(a: Complex, b: Complex, z: Complex, w: Complex, near: float) -> NDArray[np.bool_]:
    """Which of n matches agree with each of k similarities, (k, n)."""
    error = a[:, None] * z + b[:, None] - w
    # Pixels of the smaller image: zoomed in, a pixel there is several here.
    limit = near * np.maximum(np.abs(a), 1)[:, None]
    return np.asarray(error.real**2 + error.imag**2 <= limit**2)


def _least_squares(z: Complex, w: Complex, weights: Floats32) -> tuple[complex, complex]:
    """The similarity with the smallest weighted squared error."""
    total = weights.sum()
    z_mean, w_mean = (weights @ z) / total, (weights @ w) / total
    centred = z - z_mean
    a = (
        (weights * centred.conj())
        @ (w - w_mean)
        / max((weights * np.abs(centred) ** 2).sum(), 1e-9)
    )
    return complex(a), complex(w_mean - a * z_mean)


def _box(query: Features, reference: Features, a: complex, b: complex) -> Box:
    corners = np.array([0, query.width, 1j * query.height, query.width + 1j * query.height])
    placed = a * corners + b
    x = np.clip(placed.real / reference.width, 0, 1)
    y = np.clip(placed.imag / reference.height, 0, 1)
    return float(x.min()), float(y.min()), float(x.max()), float(y.max())
