"""The pictures of a report: small ones for the list, larger ones for the evidence.

They are WebP files in base64: a list entry takes some 10 kB, evidence some 70 kB more.
"""

import base64
import io

import numpy as np
from PIL import Image as Pillow

from originid.errors import ImageError
from originid.explain.evidence import Evidence
from originid.explain.panels import aligned_panel, fitted, heat_map
from originid.images.decode import decode
from originid.types import Image

SIDE = 160  # pixels of the longer side in the list, where half as many are shown
SEEN = 2 * SIDE  # pixels of the side at which a file is decoded for that
QUALITY = 60  # of 100; edits are still seen, and a report of 200 queries fits a mail


def evidence_pictures(evidence: Evidence) -> dict[str, str | None]:
    """The pictures by which a person judges: whole, laid over each other, and the heat map."""
    heat = heat_map(evidence)
    return {
        "query_large": as_text(fitted(evidence.query_image)),
        "reference_large": as_text(fitted(evidence.reference_image)),
        "aligned": as_text(aligned_panel(evidence)),
        "heat": None if heat is None else as_text(heat),
    }


def small_picture(data: bytes | None) -> str | None:
    """An image file as it is shown in the list; None if it cannot be decoded."""
    if data is None:
        return None
    try:
        decoded = decode(data, SEEN)  # squashed, which costs a large JPEG least
    except ImageError:
        return None
    return _resized(decoded.image, decoded.width, decoded.height)


def reduced_text(image: Image) -> str:
    """An image as it is shown in the list."""
    height, width = image.shape[:2]
    return _resized(image, width, height)


def as_text(image: Image) -> str:
    """An image as a WebP file in base64."""
    file = io.BytesIO()
    Pillow.fromarray(image).save(file, "WEBP", quality=QUALITY)
    return base64.b64encode(file.getvalue()).decode("ascii")


def _resized(image: Image, width: int, height: int) -> str:
    """An image in the shape of another size, its longer side with at most `SIDE` pixels."""
    scale = min(1.0, SIDE / max(width, height))
    size = max(1, round(scale * width)), max(1, round(scale * height))
    return as_text(np.asarray(Pillow.fromarray(image).resize(size, Pillow.Resampling.BOX)))
