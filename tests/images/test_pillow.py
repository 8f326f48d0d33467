"""Files of every mode, format and setting that Pillow writes: decoded right or refused."""

import io
import itertools
from collections import Counter
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import features

from image_files import natural
from originid.errors import ImageError
from originid.images.decode import decode

PICTURE = Pillow.fromarray(natural(48, 64))
MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "LAB", "I", "I;16", "F")
SETTINGS: dict[str, list[dict[str, Any]]] = {
    "JPEG": [{}, {"progressive": True}, {"quality": 95, "subsampling": 0}, {"optimize": True}],
    "PNG": [{}, {"bits": 4}, {"optimize": True}],
    "WEBP": [{}, {"lossless": True}, {"exact": True, "quality": 90}],
    "GIF": [{}, {"interlace": 0}],
    "BMP": [{}],
    "AVIF": [{}, {"subsampling": "4:4:4", "quality": 95}],
    "TIFF": [
        {},
        *(
            {"compression": each}
            for each in ("tiff_lzw", "tiff_adobe_deflate", "packbits", "group4", "jpeg", "lzma")
        ),
        {"compression": "tiff_lzw", "tiffinfo": {317: 2}},
        {"big_tiff": True},
    ],
}
BY_LOSS = {"JPEG", "WEBP", "GIF", "AVIF"}
LEVELS = np.asarray(PICTURE.convert("L"))


def in_mode(mode: str) -> Pillow.Image:
    """The picture in a mode; of a deep one, over all of its range."""
    if mode == "I;16":
        return Pillow.fromarray(LEVELS.astype(np.uint16) * 257)
    if mode == "I":
        return Pillow.fromarray(LEVELS.astype(np.int32) * 257)
    if mode == "F":
        return Pillow.fromarray(LEVELS.astype(np.float32) / 255)
    if mode == "LAB":
        from PIL import ImageCms

        profiles = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
        return ImageCms.buildTransform(*profiles, "RGB", "LAB").apply(PICTURE)
    if mode == "PA":
        return PICTURE.convert("P").convert("PA")
    return PICTURE.convert(mode)


def seen(data: bytes) -> NDArray[np.float64]:
    """What a person sees of a file of the picture, by Pillow's own reading of it."""
    image = Pillow.open(io.BytesIO(data))
    if image.mode in ("I;16", "I", "F"):
        return np.repeat(LEVELS[..., None], 3, axis=2).astype(np.float64)
    if image.mode == "LAB":
        return np.asarray(PICTURE, np.float64)
    return np.asarray(image.convert("RGBA").convert("RGB"), np.float64)


def test_every_mode_in_every_format_is_decoded_right_or_refused() -> None:
    outcomes: Counter[str] = Counter()
    wrong = []
    for kind, mode in itertools.product(SETTINGS, MODES):
        for settings in SETTINGS[kind]:
            if kind == "AVIF" and not features.check("avif"):
                continue
            image, file = in_mode(mode), io.BytesIO()
            try:
                image.save(file, kind, **settings)
            except Exception:  # Pillow says in many ways that it does not write this
                continue
            try:
                got = decode(file.getvalue()).image
            except ImageError:
                outcomes["refused"] += 1
                continue
            away = np.abs(got - seen(file.getvalue())).mean()
            by_loss = kind in BY_LOSS or settings.get("compression") == "jpeg"
            is_right = away < (16 if by_loss else 2)
            outcomes["right" if is_right else "wrong"] += 1
            wrong += [] if is_right else [(kind, mode, settings, round(float(away), 1))]
    assert not wrong, f"{outcomes}: {wrong}"
    assert outcomes["right"] >= 110
    assert outcomes["refused"] == 0


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP", "GIF", "AVIF"])
def test_transparency_is_white_in_every_format(kind: str) -> None:
    image = PICTURE.convert("RGBA")
    image.putalpha(Pillow.linear_gradient("L").resize(image.size).point(lambda v: 255 * (v > 127)))
    file = io.BytesIO()
    options = {"lossless": True} if kind == "WEBP" else {}
    image.save(file, kind, **options)
    got = decode(file.getvalue()).image
    assert got[:20].min() > 245
    assert np.abs(got[30:].astype(int) - np.asarray(PICTURE)[30:]).mean() < 16
