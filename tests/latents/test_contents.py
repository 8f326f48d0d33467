"""The content of a framed image is encoded as the picture alone would be."""

import numpy as np
import pytest
from PIL import Image as Pillow

from originid.encoders import open_encoder
from originid.images.decode import decode
from originid.images.limits import LIMITS, Limits
from originid.images.lossless import lossless_file
from originid.latents.contents import Cut, cut_content, encode_cuts
from originid.latents.encode_files import Encoded, encode_sources
from originid.latents.sources import Source
from originid.testing import QuadrantEncoder, textured_image
from originid.types import Box, Image, Latents

BOX: Box = (0, 0.125, 1, 0.875)


def picture(seed: int) -> Image:
    noise = np.random.default_rng(seed).integers(-20, 21, (384, 512, 3))
    return np.asarray(np.clip(textured_image(seed, 384, 512) + noise, 0, 255), np.uint8)


def in_bars(image: Image) -> Image:
    """Bars of a sixth of the image's height above and below it: it lies at `BOX`."""
    return np.pad(image, ((64, 64), (0, 0), (0, 0)))


def find(image: Image) -> Box | None:
    """In place of `find_content`, which lies in another room."""
    assert image.shape == (512, 512, 3)
    return BOX


@pytest.mark.parametrize("size", [8, 64, 256])
def test_the_content_is_squashed_like_the_picture_alone(size: int) -> None:
    whole = lossless_file(in_bars(picture(1)))
    cut = cut_content(whole, decode(whole, size).image, LIMITS, find)
    alone = decode(lossless_file(picture(1)), size).image
    if size == 8:  # too small to tell a frame
        assert cut is None
        return
    assert cut is not None
    assert cut.box == BOX
    assert cut.image.shape == (size, size, 3)
    assert np.abs(cut.image.astype(int) - alone).mean() < 2
    assert np.abs(cut.image[[0, -1]].astype(int) - alone[[0, -1]]).mean() < 3  # no bar is mixed in


def test_an_image_without_a_frame_is_not_looked_at() -> None:
    def fail(image: Image) -> Box | None:
        raise AssertionError("looked at")

    for image in (picture(2), np.full((100, 100, 3), 255, np.uint8)):
        data = lossless_file(image)
        assert cut_content(data, decode(data, 64).image, LIMITS, fail) is None


def test_what_cannot_be_decoded_again_in_time_has_no_content() -> None:
    data = lossless_file(in_bars(picture(3)))
    image = decode(data, 64).image
    assert cut_content(data, image, Limits(max_seconds=1e-9), find) is None


def test_contents_keep_their_places() -> None:
    encoder = QuadrantEncoder()
    images = [np.full((8, 8, 3), level, np.uint8) for level in (10, 20)]
    found = encode_cuts([None, Cut(BOX, images[0]), None, Cut(BOX, images[1])], encoder)
    assert [each if each is None else float(each.latent[0]) for each in found] == [
        None,
        10.0,
        None,
        20.0,
    ]
    assert encode_cuts([None, None], encoder) == [None, None]


class Broken(QuadrantEncoder):
    """Dark pictures have no finite latent."""

    def encode(self, images: Image) -> Latents:
        latents = super().encode(images)
        latents[latents.mean(axis=1) < 50] = np.nan
        return latents


def test_a_content_without_a_finite_latent_is_left_out() -> None:
    dark, light = (np.full((8, 8, 3), level, np.uint8) for level in (10, 200))
    found = encode_cuts([Cut(BOX, dark), Cut(BOX, light)], Broken())
    assert found[0] is None
    assert found[1] is not None


def test_files_are_encoded_with_their_content() -> None:
    encoder = open_encoder("pixels")
    images = [picture(4), in_bars(picture(5)), in_bars(picture(6))]
    sources = [Source(str(n), lossless_file(image)) for n, image in enumerate(images)]
    (plain,) = encode_sources(sources, encoder, workers=2)
    (chunk,) = encode_sources(sources, encoder, workers=2, find_content=find)
    alone = [lossless_file(picture(seed)) for seed in (5, 6)]
    for number, (entry, without) in enumerate(zip(chunk, plain, strict=True)):
        assert isinstance(entry, Encoded)
        assert isinstance(without, Encoded)
        np.testing.assert_array_equal(entry.latent, without.latent)
        assert without.content is None
        if number == 0:
            assert entry.content is None
        else:
            assert entry.content is not None
            square = decode(alone[number - 1], encoder.size).image
            expected = encoder.encode(square[np.newaxis])[0]
            cosine = np.corrcoef(entry.content.latent, expected)[0, 1]
            assert cosine > 0.99


def test_the_image_of_pillow_is_as_the_array() -> None:
    """A source in memory takes the same way as a file."""
    image = in_bars(picture(7))
    encoder = open_encoder("pixels")
    sources = [Source.of(image, "array"), Source.of(Pillow.fromarray(image), "pillow")]
    (chunk,) = encode_sources(sources, encoder, workers=1, find_content=find)
    contents = [entry.content for entry in chunk if isinstance(entry, Encoded)]
    assert contents[0] is not None
    assert contents[1] is not None
    np.testing.assert_array_equal(contents[0].latent, contents[1].latent)
