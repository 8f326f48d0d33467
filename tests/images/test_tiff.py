"""TIFF files of every combination that tifffile writes: decoded right or refused, never wrong."""

import io
import itertools
from collections import Counter
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from any_bytes import TIMES
from image_files import encoded, natural
from originid.errors import ImageError
from originid.images.decode import decode
from sound_images import UPRIGHT

HEIGHT, WIDTH = 24, 40
ACROSS, DOWN = np.linspace(0, 1, WIDTH)[None], np.linspace(0, 1, HEIGHT)[:, None]
# Each channel takes all of the range, so that no rule about ranges changes it.
LEVELS = np.stack(np.broadcast_arrays(ACROSS, DOWN, (np.rint(ACROSS * 3) + np.rint(DOWN * 2)) % 2))
COLOURS = {"minisblack": 1, "miniswhite": 1, "rgb": 3, "separated": 4, "palette": 1}
TYPES = ("bool", "u1", "u2", "u4", "u8", "i1", "i2", "i4", "f2", "f4", "f8")
EXTRA = ((), ("unspecified",), ("unassalpha",), ("assocalpha",))
WITHOUT_CODECS = (None, "deflate", "lzma")
WITH_CODECS = ("lzw", "packbits", "zstd", "jpeg", "png", "webp", "jpeg2000", "lerc", "jpegxl")
CODECS = WITHOUT_CODECS + (WITH_CODECS if find_spec("imagecodecs") else ())


def stored(levels: NDArray[np.float64], kind: str) -> NDArray[np.generic]:
    """Levels from 0 to 1 as values of a type, from the lowest one that is used to the highest."""
    dtype = np.dtype(kind)
    if dtype.kind in "bf":
        return np.asarray(levels > 0.5 if dtype.kind == "b" else levels, dtype)
    high = 2.0 ** min(8 * dtype.itemsize - (dtype.kind == "i"), 52) - 1
    return np.rint(levels * high if dtype.kind == "u" else (2 * levels - 1) * high).astype(dtype)


def written(
    kind: str,
    photometric: str,
    planar: str | None,
    extra: tuple[str, ...],
    order: str,
    codec: str | None,
    tile: tuple[int, int] | None = None,
) -> bytes | None:
    """The file of a combination, or None if tifffile does not write it."""
    if photometric == "palette":
        options = {"colormap": np.random.default_rng(0).integers(0, 65536, (3, 256), np.uint16)}
        planes = [np.rint(LEVELS[0] * 255).astype(kind)]
    else:
        options = {}
        shown = LEVELS[[0]] if COLOURS[photometric] == 1 else LEVELS
        inks = [*(1 - shown), np.zeros((HEIGHT, WIDTH))] if photometric == "separated" else shown
        planes = [stored(ink, kind) for ink in inks]
    planes += [stored(np.ones((HEIGHT, WIDTH)), kind) for _ in extra]
    values = planes[0] if len(planes) == 1 else np.stack(planes, 0 if planar == "separate" else -1)
    file = io.BytesIO()
    try:
        tifffile.imwrite(
            file,
            values,
            byteorder=order,
            photometric=photometric,
            planarconfig=planar,
            extrasamples=extra,
            compression=codec,
            tile=tile,
            metadata=None,
            **options,
        )
        again = tifffile.imread(io.BytesIO(file.getvalue()))
    except Exception:  # tifffile says in many ways that it cannot write this, or not read it again
        return None
    # JPEG 2000 of some types comes back as noise, from tifffile too.
    lost = np.abs(again.astype(np.float64) - values).mean() / np.ptp(values.astype(np.float64))
    return file.getvalue() if again.shape == values.shape and lost < 0.1 else None


def seen(data: bytes) -> NDArray[np.float64]:
    """What the pixels that tifffile reads look like, from 0 to 1: slowly, and by the tags alone."""
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        page = file.pages.first
        values = page.asarray()
        values = np.moveaxis(values, 0, -1) if page.axes == "SYX" else values
        values = values[..., None] if values.ndim == 2 else values
        photometric, alpha = page.photometric.name.lower(), page.extrasamples
        table = page.colormap
    if photometric == "ycbcr":  # a JPEG, which comes as RGB
        photometric = "rgb"
    if photometric == "palette":
        return np.asarray((table >> 8)[:, values[..., 0]].transpose(1, 2, 0) / 255)
    colours = values[..., : COLOURS[photometric]].astype(np.float64)
    dtype = values.dtype
    if dtype.kind in "iu" and colours.min() >= 0:
        levels = colours / (2.0 ** min(8 * dtype.itemsize - (dtype.kind == "i"), 52) - 1)
    else:
        levels = (colours - colours.min()) / np.ptp(colours)
    if photometric == "miniswhite":
        levels = 1 - levels
    if photometric == "separated":
        levels = (1 - levels[..., :3]) * (1 - levels[..., 3:])
    assert all(kind in (0, 1, 2) for kind in alpha)  # and all of it is opaque
    return np.broadcast_to(levels, (*levels.shape[:2], 3))


def combinations() -> Iterator[tuple[Any, ...]]:
    """What `written` is given after the type of the values.

    Byte orders and tiles take turns, so that each of the four pairs of them meets any two of the
    other options. ``ORIGINID_FUZZ=2`` has all combinations, in four times the time.
    """
    laid_out = list(itertools.product("<>", (None, (16, 16))))
    options = map(enumerate, (COLOURS, (None, "separate"), EXTRA, CODECS))
    for numbered in itertools.product(*options):
        turn = sum(number for number, _ in numbered) % len(laid_out)
        photometric, planar, extra, codec = (value for _, value in numbered)
        for order, tile in laid_out if TIMES > 1 else laid_out[turn : turn + 1]:
            yield photometric, planar, extra, order, codec, tile


@pytest.mark.parametrize("kind", TYPES)
def test_every_combination_is_decoded_right_or_refused(kind: str) -> None:
    outcomes: Counter[str] = Counter()
    wrong, refused = [], ""
    for combination in combinations():
        data = written(kind, *combination)
        if data is None:
            continue
        try:
            got = decode(data).image / 255
        except ImageError as error:
            outcomes["refused"] += 1
            refused = error.reason
            continue
        is_right = np.abs(got - seen(data)).mean() < (0.08 if "jpeg" in str(combination) else 0.01)
        outcomes["right" if is_right else "wrong"] += 1
        wrong += [] if is_right else [combination]
    assert not wrong, f"{outcomes}: {wrong[:5]}"
    assert outcomes["right"] > 50
    assert outcomes["refused"] == 0, refused


@pytest.mark.parametrize("orientation", UPRIGHT)
def test_what_pillow_has_no_mode_for_is_turned_upright(orientation: int) -> None:
    picture = natural(24, 36)
    file = io.BytesIO()
    planes = np.moveaxis(picture.astype(np.uint16) * 257, -1, 0)
    tags = [(274, "H", 1, orientation, True)]
    tifffile.imwrite(file, planes, photometric="rgb", planarconfig="separate", extratags=tags)
    got = decode(file.getvalue())
    expected = UPRIGHT[orientation](picture)
    assert (got.height, got.width) == expected.shape[:2]
    np.testing.assert_array_equal(got.image, expected)


def test_transparency_is_put_before_white() -> None:
    half = np.full((16, 16), 32768, np.uint16)
    for kind, shown in (("unassalpha", 127 + 64), ("assocalpha", 127 + 127)):
        file = io.BytesIO()
        alpha = half.copy()
        alpha[0] = 65535  # so that all bits are in use
        values = np.stack([half, half, half, alpha])
        tifffile.imwrite(
            file, values, photometric="rgb", planarconfig="separate", extrasamples=[kind]
        )
        assert abs(int(decode(file.getvalue()).image[5, 5, 0]) - shown) <= 1


@pytest.mark.parametrize(
    ("photometric", "samples", "named"),
    [
        ("logluv", 3, "its photometric interpretation is LOGLUV"),
        ("rgb", 12, "it has 12 samples a pixel"),
    ],
)
def test_what_has_no_known_meaning_is_refused(photometric: str, samples: int, named: str) -> None:
    file = io.BytesIO()
    values = np.zeros((16, 16, samples), np.uint8)
    tifffile.imwrite(file, values, photometric=photometric, planarconfig="contig")
    with pytest.raises(ImageError, match=named):
        decode(file.getvalue())


def test_inks_that_are_not_cyan_magenta_yellow_and_black_are_refused() -> None:
    file = io.BytesIO()
    values = np.zeros((16, 16, 4), np.uint8)
    tags = [(332, "H", 1, 2, True)]
    tifffile.imwrite(file, values, photometric="separated", extratags=tags)
    with pytest.raises(ImageError, match="inks are not cyan"):
        decode(file.getvalue())


def test_tiles_that_are_far_larger_than_the_image_are_refused() -> None:
    file = io.BytesIO()
    tifffile.imwrite(file, np.zeros((16, 16), np.uint8), tile=(16, 16), metadata=None)
    data = bytearray(file.getvalue())
    with tifffile.TiffFile(io.BytesIO(data)) as opened:
        for name in ("TileWidth", "TileLength"):
            place = opened.pages.first.tags[name].valueoffset
            data[place : place + 2] = (16384).to_bytes(2, "little")
    with pytest.raises(ImageError, match="tiles are far larger than the image"):
        decode(bytes(data))


def test_lab_of_8_and_16_bits_is_alike() -> None:
    lab = np.stack([np.full((16, 16), v) for v in (138, 80, 67)], -1)  # a red, as L, a and b
    for values in (lab.astype(np.uint8), (lab << 8).astype(np.uint16)):
        for planar in ("contig", "separate"):
            file = io.BytesIO()
            planes = values if planar == "contig" else np.moveaxis(values, -1, 0)
            tifffile.imwrite(file, planes, photometric="cielab", planarconfig=planar)
            red, green, blue = decode(file.getvalue()).image[4, 4].tolist()
            assert red > 240
            assert green < 20
            assert blue < 20


def test_a_compression_that_is_not_installed_names_the_extra(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def lacking(*args: object, **options: object) -> None:
        raise ValueError("<COMPRESSION.JPEGXL: 50002> requires the 'imagecodecs' package")

    file = io.BytesIO()
    tifffile.imwrite(file, np.zeros((16, 16), np.float64))
    monkeypatch.setattr(tifffile.TiffPage, "asarray", lacking)
    with pytest.raises(ImageError, match=r"pip install 'originid\[tiff\]'"):
        decode(file.getvalue())


def test_pillow_and_tifffile_agree_where_either_is_used() -> None:
    """The fast path is Pillow's; 16 bits in planes take the other one."""
    picture = natural(48, 64)
    file = io.BytesIO()
    planes = np.moveaxis(picture.astype(np.uint16) * 257, -1, 0)
    tifffile.imwrite(file, planes, photometric="rgb", planarconfig="separate")
    np.testing.assert_array_equal(
        decode(file.getvalue()).image, decode(encoded(picture, "TIFF")).image
    )


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("order", "<>")
def test_tables_of_very_many_numbers_are_refused_unread(big: bool, order: str) -> None:
    file = io.BytesIO()
    tags = [(65000, "H", 2_000_001, np.zeros(2_000_001, np.uint16), True)]
    tifffile.imwrite(
        file, np.zeros((16, 16), np.uint8), byteorder=order, bigtiff=big, extratags=tags
    )
    with pytest.raises(ImageError, match="its tag 65000 has 2,000,001 values"):
        decode(file.getvalue())


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_what_lies_beside_the_pixels_does_not_hide_them(compression: str | None) -> None:
    """Photoshop stores all its layers in such a tag; a profile and XMP may be large too."""
    file = io.BytesIO()
    picture = natural(48, 64)
    tags = [
        (37724, "B", 20_000_000, bytes(20_000_000), True),
        (34675, "B", 2_000_000, bytes(2_000_000), True),
        (700, "B", 2_000_000, bytes(2_000_000), True),
    ]
    tifffile.imwrite(file, picture, photometric="rgb", compression=compression, extratags=tags)
    np.testing.assert_array_equal(decode(file.getvalue()).image, picture)


def test_samples_of_12_bits_are_unpacked_without_the_extra() -> None:
    grey = np.asarray(natural(48, 64)[..., 0])
    pytest.importorskip("imagecodecs", reason="tifffile packs bits with it")
    file = io.BytesIO()
    tifffile.imwrite(file, grey.astype(np.uint16) << 4, bitspersample=12, byteorder="<")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(tifffile.TiffPage, "asarray", None)  # Pillow decodes it
        got = decode(file.getvalue()).image[..., 0]
    assert np.abs(got.astype(int) - grey).max() <= 1
