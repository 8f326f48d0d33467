"""The four pictures of an explanation, each as one image.

All that lies over the reference is drawn in its frame: its box, the checkerboard and the heat map.
"""

import numpy as np
from PIL import Image as Pillow
from PIL import ImageDraw

from originid.explain.contributions import Cells
from originid.explain.evidence import Evidence
from originid.explain.words import WHOLE
from originid.types import Floats32, Floats64, Image, Mask

SIDE = 480  # pixels of the longer side of a panel
THIN = 40  # pixels of the shorter side at least: a strip is drawn thicker than it is
TILES = 8  # of the checkerboard along the longer side
BLUE, ORANGE = (0, 114, 178), (230, 120, 0)  # told apart by nearly all who see few colours
FRAME = (230, 0, 90)
THICK = 9  # pixels of a frame, with its white border
_FAINT = 0.75  # of white over what the query does not show
_GREY = 0.35  # of white over the grey picture under a heat map
_LEAST, _MOST = 0.12, 0.62  # of colour over that


def query_panel(evidence: Evidence) -> Image:
    """The query, with a frame around the part that was compared, where that is not all of it."""
    panel = fitted(evidence.query_image)
    left, top, right, bottom = evidence.query_part
    if (left, top, right, bottom) == (0, 0, 1, 1):
        return panel
    corners = np.array([(left, top), (right, top), (right, bottom), (left, bottom)])
    return _outlined(panel, corners)


def reference_panel(evidence: Evidence) -> Image:
    """The reference, with a frame around the place where the query lies."""
    panel = fitted(evidence.reference_image)
    return _outlined(panel, evidence.alignment.outline) if shows_place(evidence) else panel


def shows_place(evidence: Evidence) -> bool:
    """Whether the query lies in a part of the reference, which a frame shows."""
    return bool(evidence.covered.mean() < WHOLE)


def aligned_panel(evidence: Evidence) -> Image:
    """The query in the frame of the reference; the reference, faint, where it does not lie."""
    query, reference, covered = _pair(evidence)
    return np.where(covered[..., None], query, _whitened(reference, _FAINT))


def checkerboard(evidence: Evidence) -> Image:
    """Tiles of the query and of the reference in turn; the reference, faint, outside."""
    query, reference, covered = _pair(evidence)
    height, width = covered.shape
    tile = max(1, round(max(height, width) / TILES))
    rows, columns = np.arange(height) // tile, np.arange(width) // tile
    of_query = (rows[:, None] + columns[None]) % 2 == 0
    mixed = np.where(of_query[..., None], query, reference)
    return np.where(covered[..., None], mixed, _whitened(reference, _FAINT))


def heat_map(evidence: Evidence) -> Image | None:
    """The reference in grey, blue where both agree and orange where they do not.

    None where there are no cells. What is not compared has no colour.
    """
    if evidence.cells is None:
        return None
    panel = fitted(evidence.reference_image)
    grey = panel.mean(axis=2, keepdims=True).repeat(3, axis=2)
    base = _GREY * 255 + (1 - _GREY) * grey
    height, width = panel.shape[:2]
    shown = evidence.cells.known.astype(np.float32)
    known = _enlarged(shown, width, height)
    # Between a known cell and an unknown one, the known one alone counts.
    signed = _enlarged(_signed(evidence.cells) * shown, width, height) / np.maximum(known, 1e-6)
    strength = np.minimum(np.abs(signed), 1)
    colour = np.where(signed[..., None] > 0, np.array(BLUE), np.array(ORANGE))
    alpha = ((_LEAST + (_MOST - _LEAST) * strength) * (known >= 0.5))[..., None]
    return np.asarray(base * (1 - alpha) + colour * alpha + 0.5).astype(np.uint8)


def fitted(image: Image) -> Image:
    """An image whose longer side has `SIDE` pixels, and the shorter one `THIN` at least."""
    height, width = image.shape[:2]
    scale = SIDE / max(height, width)
    size = max(THIN, round(scale * width)), max(THIN, round(scale * height))
    method = Pillow.Resampling.LANCZOS if scale < 1 else Pillow.Resampling.BICUBIC
    return np.asarray(Pillow.fromarray(image).resize(size, method))


def _pair(evidence: Evidence) -> tuple[Image, Image, Mask]:
    """The query in the frame of the reference, the reference, and where the query lies."""
    reference = fitted(evidence.reference_image)
    height, width = reference.shape[:2]
    mask = Pillow.fromarray(evidence.covered.astype(np.uint8) * 255)
    covered = np.asarray(mask.resize((width, height), Pillow.Resampling.NEAREST)) > 0
    return fitted(evidence.aligned), reference, covered


def _signed(cells: Cells) -> Floats32:
    """How far each cell is more alike than chance, in (0, 1], or less, in [-1, 0]."""
    above = (cells.alike - cells.chance) / (1 - cells.chance)
    below = (cells.alike - cells.chance) / max(cells.chance, 1e-6)
    return np.clip(np.where(above > 0, above, below), -1, 1).astype(np.float32)


def _enlarged(grid: Floats32, width: int, height: int) -> Floats32:
    """A grid (n, n) as a picture (height, width)."""
    picture = Pillow.fromarray(grid).resize((width, height), Pillow.Resampling.BILINEAR)
    return np.asarray(picture)


def _whitened(image: Image, white: float) -> Image:
    return np.asarray(white * 255 + (1 - white) * image).astype(np.uint8)


def _outlined(panel: Image, corners: Floats64) -> Image:
    """A panel with a frame through corners (4, 2), in shares of its width and height."""
    picture = Pillow.fromarray(panel)
    height, width = panel.shape[:2]
    # A side at the border, or beyond it, is drawn along the border.
    inset = THICK // 2
    places = inset + np.clip(corners, 0, 1) * (width - 1 - 2 * inset, height - 1 - 2 * inset)
    points = [(float(x), float(y)) for x, y in places]
    draw = ImageDraw.Draw(picture)
    for colour, thick in (("white", THICK), (FRAME, THICK - 4)):
        draw.line([*points, points[0], points[1]], colour, thick, joint="curve")
    return np.asarray(picture)
