"""PNG files with much beside their pixels."""

import io
import os
import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from PIL import Image as Pillow
from PIL import PngImagePlugin

from image_files import encoded, exif, natural, png, png_chunk
from originid.errors import ImageError
from originid.images.decode import decode
from originid.images.png import needed_chunks
from sound_images import SMALL, UPRIGHT

WHOLE = encoded(SMALL, "PNG")
HEADER = 8 + 25  # bytes: the signature and the chunk IHDR


def with_chunks(*chunks: bytes, behind: bool = False) -> bytes:
    place = len(WHOLE) - 12 if behind else HEADER
    return WHOLE[:place] + b"".join(chunks) + WHOLE[place:]


@pytest.mark.parametrize("behind", [False, True])
@pytest.mark.parametrize(
    "chunk",
    [
        png_chunk(b"iCCP", b"x\0\0" + zlib.compress(os.urandom(1_500_000), 1)),
        png_chunk(b"zTXt", b"workflow\0\0" + zlib.compress(bytes(8 << 20), 9)),
        png_chunk(b"iTXt", b"workflow\0\1\0\0\0" + zlib.compress(bytes(8 << 20), 9)),
        png_chunk(b"tEXt", b"prompt\0" + bytes(3_000_000)),
        png_chunk(b"eXIf", bytes(3_000_000)),
        png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(bytes(8 << 20), 9)),
        png_chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(bytes(8 << 20), 9)),
        png_chunk(b"zTXt", b"Raw profile type exif\0\0no data"),
        png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0no data"),
        png_chunk(b"prVt", bytes(100_000)),
        png_chunk(b"pHYs", b"\0")[:-1] + b"!",  # too short, and its checksum is wrong
    ],
)
def test_no_chunk_beside_the_pixels_hides_them(chunk: bytes, behind: bool) -> None:
    data = with_chunks(chunk, behind=behind)
    tracemalloc.start()
    got = decode(data).image
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    np.testing.assert_array_equal(got, SMALL)
    assert peak < 2 * len(data) + 2_500_000


def test_what_pillow_writes_with_a_workflow_and_a_profile_is_read() -> None:
    text = PngImagePlugin.PngInfo()
    text.add_text("workflow", "seed" * 600_000, zip=True)
    text.add_itxt("prompt", "a dune" * 300_000, zip=True)
    data = encoded(SMALL, "PNG", pnginfo=text, icc_profile=os.urandom(1_200_000))
    np.testing.assert_array_equal(decode(data).image, SMALL)


def test_a_png_without_other_chunks_is_not_copied() -> None:
    assert needed_chunks(WHOLE) is WHOLE
    assert needed_chunks(with_chunks(png_chunk(b"tEXt", b"a\0b"))) == WHOLE


@pytest.mark.parametrize("cut", [10, 30, 60, 200])
def test_what_is_no_chunk_any_more_stays(cut: int) -> None:
    data = with_chunks(png_chunk(b"tEXt", b"a\0b"))
    assert needed_chunks(data[:cut]).endswith(data[cut - 8 : cut])
    with pytest.raises(ImageError):
        decode(data[:cut])


@pytest.mark.parametrize("orientation", UPRIGHT)
@pytest.mark.parametrize("packed", [False, True])
def test_an_orientation_in_a_text_counts(orientation: int, packed: bool) -> None:
    xmp = f'<rdf:Description tiff:Orientation="{orientation}"/>'
    block = exif(orientation)
    profile = f"\nexif\n{len(block):8}\n{block.hex()}"
    for keyword, text in (("XML:com.adobe.xmp", xmp), ("Raw profile type exif", profile)):
        info = PngImagePlugin.PngInfo()
        if keyword.startswith("XML"):
            info.add_itxt(keyword, text, zip=packed)
        else:
            info.add_text(keyword, text, zip=packed)
        got = decode(encoded(SMALL, "PNG", pnginfo=info)).image
        np.testing.assert_array_equal(got, UPRIGHT[orientation](SMALL))


def test_many_chunks_take_linear_time() -> None:
    chunks = png_chunk(b"tEXt", b"a\0b") * 100_000
    np.testing.assert_array_equal(decode(with_chunks(chunks)).image, SMALL)


def test_frames_of_an_animation_are_kept() -> None:
    frames = [Pillow.fromarray(natural(24, 36, seed)) for seed in range(3)]
    file = io.BytesIO()
    info = PngImagePlugin.PngInfo()
    info.add_text("workflow", "x" * 2_000_000, zip=True)
    frames[0].save(file, "PNG", save_all=True, append_images=frames[1:], pnginfo=info)
    np.testing.assert_array_equal(decode(file.getvalue()).image, natural(24, 36, 0))


def test_a_broken_png_still_says_what_is_wrong() -> None:
    header = struct.pack(">IIBBBBB", 5, 5, 1, 0, 0, 0, 0)
    no_pixels = b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + png_chunk(b"IEND", b"")
    for data in (no_pixels, png(64, 64, rows=0)):
        with pytest.raises(ImageError, match="PNG"):
            decode(data)
