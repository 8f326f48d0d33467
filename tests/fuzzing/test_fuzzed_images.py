"""Image files of any bytes, in every format: an image or one of our errors, soon, in little memory.

A decoder that crashes ends the whole run. How to try more files is in `any_bytes`.
"""

import io
import sys
from collections.abc import Iterator

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Pillow

from any_bytes import damaged, fuzz, only_inside, ours_only
from image_files import encoded, exif, gif, jpeg_of_scans, natural, png, png_chunk
from originid.images.decode import decode
from originid.images.limits import Limits
from sound_images import SMALL, SOUND

LIMITS = Limits(max_bytes=10**7, max_pixels=10**6, max_memory=10**8, max_seconds=2)
MEMORY = 500_000_000  # bytes by which the whole test may raise the peak of the process


def _tiff(values: object, **options: object) -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, values, metadata=None, **options)
    return file.getvalue()


def _moving(kind: str) -> bytes:
    """An animation that begins with a blank frame."""
    file = io.BytesIO()
    frames = [Pillow.new("RGB", (36, 24)), Pillow.fromarray(SMALL), Pillow.new("RGB", (36, 24))]
    frames[0].save(file, kind, save_all=True, append_images=frames[1:], duration=20)
    return file.getvalue()


def _raw() -> bytes:
    """A DNG: values of a sensor, and a preview."""
    sensor = np.arange(600, dtype=np.uint16).reshape(20, 30)
    preview = encoded(natural(240, 320), "JPEG", quality=30)
    tags = [
        (50706, "B", 4, b"\1\4\0\0", True),
        (274, "H", 1, 6, True),
        (50711, "B", len(preview), preview, True),
    ]
    return _tiff(sensor, photometric=32803, extratags=tags)


def _heic() -> dict[str, bytes]:
    try:
        import pillow_heif
    except ImportError:
        return {}
    file = io.BytesIO()
    pillow_heif.from_pillow(Pillow.fromarray(natural(64, 64))).save(file, format="HEIF")
    return {"HEIC": file.getvalue()}


def _files() -> Iterator[tuple[str, bytes]]:
    sixteen = SMALL.astype(np.uint16) << 8
    yield from SOUND.items()
    yield "JPEG that is turned", encoded(SMALL, "JPEG", exif=exif(6))
    yield "CMYK JPEG", encoded(Pillow.fromarray(SMALL).convert("CMYK"), "JPEG")
    yield "JPEG of scans", jpeg_of_scans(64, 20)
    yield "palette PNG", encoded(Pillow.fromarray(SMALL).quantize(9), "PNG", transparency=1)
    yield "16-bit PNG", encoded(Pillow.fromarray(sixteen[..., 0]), "PNG")
    yield "1-bit PNG with texts", png(64, 64, png_chunk(b"tEXt", b"a\0b"), png_chunk(b"zTXt", b"c"))
    yield "GIF off its canvas", gif(2, at=(3, 3))
    yield from ((f"moving {kind}", _moving(kind)) for kind in ("GIF", "PNG", "WEBP", "AVIF"))
    yield "palette BMP", encoded(Pillow.fromarray(SMALL).quantize(9), "BMP")
    yield "16-bit TIFF", _tiff(sixteen, photometric="rgb")
    yield "TIFF of planes", _tiff(SMALL.transpose(2, 0, 1), photometric="rgb", planarconfig=2)
    yield "TIFF of floats in tiles", _tiff(SMALL[..., 0].astype(np.float32), tile=(16, 16))
    yield "BigTIFF", _tiff(SMALL, photometric="rgb", bigtiff=True)
    yield "big-endian TIFF", _tiff(SMALL, photometric="rgb", byteorder=">")
    yield "JPEG in TIFF", encoded(SMALL, "TIFF", compression="jpeg")
    yield "fax TIFF", encoded(Pillow.fromarray(SMALL).convert("1"), "TIFF", compression="group4")
    yield "RAW", _raw()
    yield from _heic().items()


FILES = dict(_files())


def _peak() -> int:
    """The most bytes of memory that the process has ever occupied; 0 where nobody tells."""
    try:
        import resource
    except ImportError:  # Windows
        return 0
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


@pytest.mark.parametrize("name", FILES)
def test_the_files_are_sound(name: str) -> None:
    assert decode(FILES[name], 8, LIMITS).image.shape == (8, 8, 3)


@pytest.mark.parametrize("name", FILES)
def test_an_image_of_any_bytes(name: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder, before = tmp_path_factory.mktemp("empty"), _peak()

    @fuzz(50)
    @given(data=damaged(FILES[name]), size=st.sampled_from([None, 8, 64]))
    def try_one(data: bytes, size: int | None) -> None:
        with ours_only(), only_inside(folder):
            decoded = decode(data, size, LIMITS)
            height, width, colours = decoded.image.shape
            assert (str(decoded.image.dtype), colours) == ("uint8", 3)
            assert (height, width) == ((size, size) if size else (decoded.height, decoded.width))

    try_one()
    assert _peak() - before < MEMORY


@fuzz(200)
@given(
    st.sampled_from([each[:32] for each in FILES.values()]).flatmap(
        lambda head: st.binary(max_size=200).map(lambda rest: head[:16] + rest)
    )
)
def test_a_head_with_any_bytes_behind_it(data: bytes) -> None:
    with ours_only():
        decode(data, 8, LIMITS)
