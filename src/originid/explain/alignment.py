"""Alignment: the query laid over the reference, so that the same thing lies at the same place.

Where enough local features of both agree on one similarity, that says how the query lies; the box
of the match says it too. Both are an affine function of places, given in shares of the width and of
the height: (x, y) of the query to (x, y) of the reference.
"""

from dataclasses import dataclass, replace

import numpy as np
from PIL import Image as Pillow

from originid.details.features import Features, find_features
from originid.details.verification import Agreement, verify
from originid.types import Box, Floats64, Image, Ints, Mask
from originid.views.words import WHOLE

ENOUGH = 17.0
"""The statistic of local features from which they say how the query lies.

Of 200 strangers among photos and pictures by generators, those with the best scores, none reached
more than 15; most pairs reach more than 20. In collections of forms or of x-rays strangers reach
more, so this decides how the pictures are laid, and not whether they match.
"""
BORDER = 8  # 256ths of a side
LEAST_SHARE = 0.02  # of the reference that a query covers: features that say less err
SAME_PLACE = 0.08  # of a side: corners this near mean that features and box say the same


@dataclass(frozen=True, eq=False)
class Alignment:
    """How a query lies in a reference.

    Args:
        affine: float64 (2, 3): ``affine @ (x, y, 1)`` is where in the reference a place of the
            query lies, both in shares of width and height.
        by_details: whether local features say so, and not the box of the match.
        inliers: places in the reference, float64 (n, 2), in shares, of the local features that
            both have where the query lies; empty where too few agree.
        statistic: how well the local features agree, as `details.verify` says it; 0 or more.
    """

    affine: Floats64
    by_details: bool
    inliers: Floats64
    statistic: float

    @property
    def outline(self) -> Floats64:
        """The query's corners in the reference, float64 (4, 2), clockwise from the top left."""
        return _corners(self.affine)


def alignments(query: Image, reference: Image, box: Box | None) -> tuple[Alignment, ...]:
    """The ways in which a query may lie in a reference; some 50 ms.

    Args:
        query: as its view shows it, uint8 RGB (h, w, 3).
        reference: uint8 RGB (h, w, 3).
        box: where in the reference the match says it lies; None is the whole.

    Returns:
        That of the box, and then those of the local features, if enough of them agree: as it is,
        and without its turn.
    """
    box = box or WHOLE
    there = _inner(find_features(reference))
    found = []
    # Many editors change the shape of a picture, which no similarity undoes: it is tried as well.
    for image in (query, _in_shape(query, reference, box)):
        here = _inner(find_features(image))
        found.append((verify(here, there), here))
    agreement, here = max(found, key=lambda each: each[0].statistic)
    ways = []
    if agreement.statistic >= ENOUGH:
        similar = _in_shares(agreement, here, there)
        ways = [way for way in (similar, _upright(agreement, here, there)) if _is_sound(way)]
    places = _places(there, agreement.reference)
    near = [np.abs(_corners(way) - _corners(of_box(box))).max() <= SAME_PLACE for way in ways]
    inliers = places if any(near) else places[:0]
    boxed = Alignment(of_box(box), False, inliers, agreement.statistic)
    return (boxed, *(Alignment(way, True, places, agreement.statistic) for way in ways))


def _inner(features: Features) -> Features:
    """The features that do not lie at the border of the image, where frames and shadows are.

    Pictures of one frame share it, and that says nothing of what they show.
    """
    inside = ((features.points >= BORDER) & (features.points < 256 - BORDER)).all(axis=1)
    return replace(features, points=features.points[inside], bits=features.bits[inside])


def of_box(box: Box) -> Floats64:
    """The affine function (2, 3) that lays a whole query into a box of the reference."""
    left, top, right, bottom = box
    return np.array([(right - left, 0, left), (0, bottom - top, top)], np.float64)


def warp(query: Image, affine: Floats64, width: int, height: int) -> tuple[Image, Mask]:
    """A query in the frame of the reference.

    Args:
        query: uint8 RGB (h, w, 3).
        affine: see `Alignment`.
        width: of the frame in pixels, at least 1.
        height: of the frame in pixels, at least 1.

    Returns:
        uint8 RGB (height, width, 3), its border repeated where the query does not lie, and
        (height, width), where it does.
    """
    small = _reduced_for(query, affine, width, height)
    h, w = small.shape[:2]
    back = np.linalg.inv(np.vstack([affine, (0, 0, 1)]))
    y, x = np.mgrid[:height, :width] + 0.5
    u = back[0, 0] * x / width + back[0, 1] * y / height + back[0, 2]
    v = back[1, 0] * x / width + back[1, 1] * y / height + back[1, 2]
    edge = 1e-6
    covered = (u >= -edge) & (u <= 1 + edge) & (v >= -edge) & (v <= 1 + edge)
    return _sampled(small, u * w - 0.5, v * h - 0.5), np.asarray(covered)


def _sampled(image: Image, x: Floats64, y: Floats64) -> Image:
    """Colours of an image at places in pixels, bilinear; outside, those of its border."""
    height, width = image.shape[:2]
    x, y = np.clip(x, 0, width - 1), np.clip(y, 0, height - 1)
    left, top = x.astype(np.intp), y.astype(np.intp)
    right, down = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
    a, b = (x - left).astype(np.float32)[..., None], (y - top).astype(np.float32)[..., None]
    upper = image[top, left] * (1 - a) + image[top, right] * a
    lower = image[down, left] * (1 - a) + image[down, right] * a
    return np.asarray(upper * (1 - b) + lower * b + 0.5).astype(np.uint8)


def _reduced_for(query: Image, affine: Floats64, width: int, height: int) -> Image:
    """A query of about the size at which it lies in the frame, so that nothing flickers."""
    wide = np.hypot(affine[0, 0] * width, affine[1, 0] * height)
    high = np.hypot(affine[0, 1] * width, affine[1, 1] * height)
    h, w = query.shape[:2]
    size = max(1, min(w, round(float(wide)))), max(1, min(h, round(float(high))))
    if size == (w, h):
        return query
    return np.asarray(Pillow.fromarray(query).resize(size, Pillow.Resampling.BILINEAR))


def _in_shape(query: Image, reference: Image, box: Box) -> Image:
    """A query in the shape, width by height, of its box in the reference."""
    height, width = reference.shape[:2]
    shape = (box[2] - box[0]) * width / max((box[3] - box[1]) * height, 1e-9)
    longest = max(query.shape[:2])
    size = (longest, longest / shape) if shape >= 1 else (longest * shape, longest)
    wide, high = (max(1, round(float(side))) for side in size)
    return np.asarray(Pillow.fromarray(query).resize((wide, high), Pillow.Resampling.BILINEAR))


def _in_shares(agreement: Agreement, here: Features, there: Features) -> Floats64:
    """The similarity between pixels of features as an affine function of shares."""
    a, b = agreement.turn_zoom, agreement.shift
    pixels = np.array([(a.real, -a.imag, b.real), (a.imag, a.real, b.imag)])
    columns = np.array([here.width, here.height, 1.0])
    rows = np.array([[there.width], [there.height]], np.float64)
    return np.asarray(pixels * columns / rows)


def _upright(agreement: Agreement, here: Features, there: Features) -> Floats64:
    """The affine function that fits the inliers best of those that turn nothing.

    Most queries are not turned, but may be stretched. Few inliers tell a turn badly.
    """
    z, w = _places(here, agreement.query), _places(there, agreement.reference)
    centred = z - z.mean(axis=0)
    zoom = (centred * (w - w.mean(axis=0))).mean(axis=0) / np.maximum(z.var(axis=0), 1e-6)
    return np.column_stack([np.diag(zoom), w.mean(axis=0) - zoom * z.mean(axis=0)])


def _places(features: Features, rows: Ints) -> Floats64:
    """Where some features lie, (n, 2), in shares of width and height."""
    return (features.points[rows].astype(np.float64) + 0.5) / 256


def _is_sound(affine: Floats64) -> bool:
    """Whether a query that lies so shows a fair part of the reference, and is not degenerate."""
    area = float(np.linalg.det(affine[:, :2]))
    corners = _corners(affine)
    low, high = np.clip(corners.min(axis=0), 0, 1), np.clip(corners.max(axis=0), 0, 1)
    return area > LEAST_SHARE and float(np.prod(high - low)) > LEAST_SHARE


def _corners(affine: Floats64) -> Floats64:
    """Where the corners (4, 2) of a query lie, clockwise from the top left."""
    corners = np.array([(0, 0, 1), (1, 0, 1), (1, 1, 1), (0, 1, 1)], np.float64)
    return np.asarray(corners @ affine.T)
