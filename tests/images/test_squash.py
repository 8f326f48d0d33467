"""The square that an encoder sees, against the filter of the whole image."""

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow

from image_files import (
    encoded,
    natural,
)
from originid.images import opened as images
from originid.images.decode import decode
from originid.images.jpeg import AT_ONCE, SCAN, Jpeg, decode_at_once
from originid.testing import textured_image
from sound_images import SOUND, correlation_of_gradients, distance


@pytest.mark.parametrize("name", [name for name in SOUND if "JPEG" not in name])
@pytest.mark.parametrize("size", [1, 7, 64])
def test_squash_is_the_bilinear_filter_of_the_whole_image(name: str, size: int) -> None:
    whole = Pillow.fromarray(decode(SOUND[name]).image)
    got = decode(SOUND[name], size)
    assert (got.width, got.height) == (36, 24)
    expected = np.asarray(whole.resize((size, size), Pillow.Resampling.BILINEAR))
    np.testing.assert_array_equal(got.image, expected)


def test_squash_against_box_means() -> None:
    """A slow reference: 64 x 64 to 8 x 8 by triangles of twice the box's width."""
    image = natural(64, 64)
    centres = 8 * np.arange(8) + 4
    weights = np.maximum(0, 1 - np.abs(np.arange(64) + 0.5 - centres[:, None]) / 8)
    weights /= weights.sum(1, keepdims=True)
    expected = np.einsum("yi,xj,ijc->yxc", weights, weights, image.astype(float))
    assert np.abs(decode(encoded(image, "PNG"), 8).image - expected).max() <= 1


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}])
@pytest.mark.parametrize("shape", [(1025, 1280), (513, 1280), (1728, 540)])
def test_reduced_jpegs_are_within_the_stated_tolerance(
    shape: tuple[int, int], options: dict[str, object]
) -> None:
    size = 64
    data = encoded(natural(*shape, seed=1), "JPEG", quality=92, **options)
    whole = Pillow.fromarray(decode(data).image)
    expected = np.asarray(whole.resize((size, size), Pillow.Resampling.BILINEAR))
    got = decode(data, size)
    assert (got.height, got.width) == shape
    assert distance(got.image, expected) < 1
    assert correlation_of_gradients(got.image, expected) > 0.99


def test_a_smaller_margin_is_not_within_the_tolerance(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test above can fail, and reduced decoding does happen."""
    data = encoded(natural(1025, 1280, seed=1), "JPEG", quality=92)
    expected = decode(data, 512).image  # below twice this size, nothing is reduced
    whole = Pillow.fromarray(decode(data).image)
    np.testing.assert_array_equal(
        expected, np.asarray(whole.resize((512, 512), Pillow.Resampling.BILINEAR))
    )
    full = np.asarray(whole.resize((120, 120), Pillow.Resampling.BILINEAR))
    monkeypatch.setattr(images, "DRAFT_MARGIN", 1)
    coarse = decode(data, 120).image
    assert correlation_of_gradients(coarse, full) < 0.99


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
@pytest.mark.parametrize("shape", [(20, 10_000), (10_000, 20), (1, 1), (1, 3000), (300, 1)])
def test_any_aspect_ratio_is_squashed(kind: str, shape: tuple[int, int]) -> None:
    data = encoded(np.full((*shape, 3), 99, np.uint8), kind)
    got = decode(data, 256)
    assert (got.height, got.width) == shape
    np.testing.assert_array_equal(got.image, np.full((256, 256, 3), 99, np.uint8))


def test_grey_and_cmyk_jpegs_are_reduced() -> None:
    grey = Pillow.fromarray(natural(600, 800)).convert("L")
    small = np.asarray(grey.resize((64, 64), Pillow.Resampling.BILINEAR).convert("RGB"))
    got = decode(encoded(grey, "JPEG"), 64).image
    assert distance(got, small) < 1
    assert (got[..., 0] == got[..., 2]).all()
    cmyk = decode(encoded(grey.convert("CMYK"), "JPEG"), 64).image
    assert distance(cmyk, small) < 1


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("how", [{}, {"progressive": True}, {"subsampling": 0}, {"quality": 20}])
@pytest.mark.parametrize("size", [None, 31, 64, 100, 1000])
def test_a_jpeg_that_is_decoded_at_once_has_the_pixels_of_pillow(
    mode: str, how: dict[str, Any], size: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = io.BytesIO()
    Pillow.fromarray(textured_image(3, 403, 271)).convert(mode).save(file, "JPEG", **how)
    at_once = decode(file.getvalue(), size)
    calls = []

    def leave_it_to_pillow(*arguments: object) -> None:
        calls.append(arguments)

    monkeypatch.setattr(images, "decode_at_once", leave_it_to_pillow)
    by_pillow = decode(file.getvalue(), size)
    assert calls
    np.testing.assert_array_equal(at_once.image, by_pillow.image)
    assert (at_once.width, at_once.height) == (by_pillow.width, by_pillow.height)


def test_what_is_decoded_at_once() -> None:
    file = io.BytesIO()
    Pillow.fromarray(textured_image(3, 40, 30)).save(file, "JPEG")
    data = file.getvalue()
    damaged = data[:-9]
    many = data + SCAN * (AT_ONCE // 1200)
    found = [decode_at_once(each, Jpeg(io.BytesIO(each))) for each in (data, damaged, many)]
    assert [each is not None for each in found] == [True, False, False]
    cmyk = io.BytesIO()
    Pillow.new("CMYK", (40, 30)).save(cmyk, "JPEG")
    assert decode_at_once(cmyk.getvalue(), Jpeg(cmyk)) is None
