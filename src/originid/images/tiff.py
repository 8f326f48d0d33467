"""TIFF by its tags: what the samples of a pixel mean, and which library decodes them right.

Pillow chooses by its own modes, and decodes some combinations of tags to wrong pixels without a
word. So only combinations that it is known to decode right go to it, which are nearly all files
that people have. The others go to tifffile, and what neither can do is refused.
"""

import io
import logging
import struct
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image as Pillow
from PIL import TiffImagePlugin
from PIL.ImageFile import ImageFile, _Tile

from originid.errors import ImageError
from originid.images.jpeg import refuse_many_scans
from originid.images.orientation import TURNS, UPRIGHT
from originid.images.pillow_modes import NO_DATA, from_lab, rgb
from originid.images.value_range import ROWS, WHITE, Values, to_8_bits, value_range
from originid.types import Image, Mask

if TYPE_CHECKING:
    from tifffile import TiffPage

WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, SEPARATED, YCBCR, LAB = 0, 1, 2, 3, 5, 6, 8
SAMPLES = {WHITE_IS_ZERO: 1, BLACK_IS_ZERO: 1, RGB: 3, PALETTE: 1, SEPARATED: 4, YCBCR: 3, LAB: 3}
"""The samples of a pixel without the extra ones, by the photometric interpretation."""
UNSIGNED, SIGNED, FLOAT = 1, 2, 3  # sample formats
PREMULTIPLIED, ALPHA = 1, 2  # kinds of extra samples: colours are multiplied by it, or are not
CMYK_INKS = 1
INK_SET, ORIENTATION = 332, 274  # numbers of tags
JPEGS = {6, 7}  # compressions
# None, three of fax, LZW, JPEG, Deflate, Packbits, LZMA, Zstandard.
LIBTIFF = JPEGS | {1, 2, 3, 4, 5, 8, 32773, 32946, 34925, 50000}
"""The compressions that every build of Pillow unpacks."""
PADDING = 4  # times the image's own bytes that tiles may decode to; they may stand out of it
TILES = 1 << 20  # bytes that they may decode to at any rate
LONGEST_TABLE = 2_000_000  # numbers: the tiles of 160 megapixels in tiles of 16 x 16, in planes
MOST_FIELDS = 10_000  # of an image, that are looked at
TEXTS = {1, 2, 7}  # types whose values stay bytes
PLACES = {273, 279, 324, 325}  # tags with the places and sizes of strips and tiles
MOST_SAMPLES = 8  # of a pixel; images of measuring instruments have hundreds

logging.getLogger("tifffile").addHandler(logging.NullHandler())  # damage becomes an error here


def open_tiff(file: io.BytesIO) -> ImageFile:
    """Open the first image of a TIFF by the library that decodes it right.

    Args:
        file: the bytes of the image file.

    Raises:
        ImageError: if no library is known to decode it right.
    """
    page = first_page(file)
    _refuse_unknown(page)
    if int(page.compression) in JPEGS:
        refuse_many_scans(file.getvalue(), len(page.dataoffsets))
    file.seek(0)
    if not _pillow_is_right(page):
        return Tiff(file)
    try:
        return TiffImagePlugin.TiffImageFile(file)
    except SyntaxError:  # Pillow has no mode for this combination
        file.seek(0)
        return Tiff(file)


def first_page(file: io.BytesIO) -> "TiffPage":
    """The first image of a TIFF, of which only the tags are read.

    Args:
        file: the bytes of the image file.

    Raises:
        ImageError: if the file has no image, or one with very long tables.
    """
    from tifffile import TiffFile, TiffPage  # 0.1 s, which only a TIFF should cost

    _refuse_long_tables(file.getvalue())
    try:
        page = TiffFile(file, _multifile=False).pages.first
    except ImageError:
        raise
    except Exception as error:  # the per-image edge: bad bytes make tifffile raise anything
        given = f"a broken TIFF file ({' '.join(str(error).split())[:200]})"
        raise ImageError(given, "expected a whole image", "fetch or save it anew") from error
    if not isinstance(page, TiffPage) or not page.shape:
        raise ImageError("a TIFF file without an image", "expected one", "fetch or save it anew")
    return page


def _refuse_long_tables(data: bytes) -> None:
    """Raise ImageError if a table of the first image has very many numbers.

    Both libraries make an object of each number, before they tell how many there are.
    """
    order = "<" if data[:2] == b"II" else ">"
    big = data[2:3] == b"+" or data[3:4] == b"+"  # BigTIFF: offsets and counts of 8 bytes
    word, entry = ("Q", "HHQ8x") if big else ("I", "HHI4x")
    try:
        (place,) = struct.unpack_from(f"{order}{word}", data, 8 if big else 4)
        (fields,) = struct.unpack_from(f"{order}{'Q' if big else 'H'}", data, place)
        start = place + (8 if big else 2)
        for number in range(min(fields, MOST_FIELDS)):
            at = start + number * struct.calcsize(f"{order}{entry}")
            tag, kind, count = struct.unpack_from(f"{order}{entry}", data, at)
            if count > LONGEST_TABLE and (kind not in TEXTS or tag in PLACES):
                raise _refused(f"its tag {tag} has {count:,} values")
    except (struct.error, OverflowError):  # it ends early; the library says so
        return


def _refuse_unknown(page: "TiffPage") -> None:
    """Raise ImageError for what has no known meaning, or decodes to far more than it shows."""
    kind = SAMPLES.get(int(page.photometric or 0))
    if kind is None:
        raise _refused(f"its photometric interpretation is {_name(page.photometric)}")
    if not kind <= page.samplesperpixel <= MOST_SAMPLES:
        raise _refused(f"it has {page.samplesperpixel} samples a pixel")
    if page.photometric == SEPARATED and page.tags.valueof(INK_SET, CMYK_INKS) != CMYK_INKS:
        raise _refused("its inks are not cyan, magenta, yellow and black")
    shown = page.imagewidth * page.imagelength * page.samplesperpixel
    if page.is_tiled:
        tile = page.tilewidth * page.tilelength * page.tiledepth
        tile *= page.samplesperpixel if page.planarconfig == 1 else 1
        if tile * max(1, len(page.dataoffsets)) > max(TILES, PADDING * shown):
            raise _refused("its tiles are far larger than the image")


def _refused(why: str) -> ImageError:
    return ImageError(
        f"a TIFF file that originid cannot decode right: {why}",
        "expected grey, RGB, CMYK, Lab or a colour table",
        "save it as PNG or JPEG",
    )


def _name(tag: object) -> str:
    return str(getattr(tag, "name", tag))


def _pillow_is_right(page: "TiffPage") -> bool:
    photometric, bits = int(page.photometric or 0), page.bitspersample
    samples, compression = page.samplesperpixel, int(page.compression)
    single = samples == 1
    if compression not in LIBTIFF or not (single or page.planarconfig == 1):
        return False
    if page.sampleformat == UNSIGNED and bits in (1, 2, 4, 8):
        return photometric != BLACK_IS_ZERO or PREMULTIPLIED not in page.extrasamples
    if compression in JPEGS:  # of 12 bits
        return False
    if page.sampleformat == UNSIGNED and bits == 16:
        plain = samples == SAMPLES[photometric]
        plain |= photometric == RGB and tuple(page.extrasamples) == (ALPHA,)
        return plain and photometric in (BLACK_IS_ZERO, RGB, SEPARATED)
    little = page.parent.byteorder == "<"
    known = {(UNSIGNED, 12), (SIGNED, 16), (SIGNED, 32), (FLOAT, 32)}
    grey = single and photometric == BLACK_IS_ZERO
    return grey and little and (page.sampleformat, bits) in known


class Tiff(ImageFile):
    """A TIFF that is decoded by tifffile, as Pillow shows it: upright, grey or RGB with 8 bits."""

    format = "TIFF"

    def _open(self) -> None:
        assert isinstance(self.fp, io.BytesIO)
        self._page = page = first_page(self.fp)
        self._turn = page.tags.valueof(ORIENTATION, UPRIGHT)
        width, height = page.imagewidth, page.imagelength
        self._size = (height, width) if self._turn in TURNS and self._turn > 4 else (width, height)
        self._mode = "L" if SAMPLES[int(page.photometric)] == 1 else "RGB"
        if page.photometric == PALETTE:
            self._mode = "RGB"
        # The samples twice, as they come in strips, and the picture in 8 bits.
        self.memory: int = 2 * page.nbytes + 8 * width * height

    def load(self) -> Any:
        """Decode the pixels; what Pillow calls before it uses them."""
        if self._page is not None:
            picture = Pillow.fromarray(pixels(self._page))
            if self._turn in TURNS:
                picture = picture.transpose(TURNS[self._turn])
            self._page = None
            self.fp = io.BytesIO(picture.tobytes())
            self.tile = [_Tile("raw", (0, 0, *self.size), 0, self.mode)]
        return super().load()


def pixels(page: "TiffPage") -> Image:
    """Decode a page.

    Args:
        page: its photometric interpretation and samples are known.

    Returns:
        uint8 of shape (h, w), or (h, w, 3).

    Raises:
        ImageError: if tifffile lacks a codec or cannot decode the page.
    """
    values = _samples(page)
    photometric = int(page.photometric)
    count = SAMPLES[photometric]
    colours = values[..., 0] if count == 1 else values[..., :count]
    missing = _missing(page, values[..., :count])
    image = _shown(page, photometric, colours, missing)
    return _before_white(image, page, values[..., count:]) if page.extrasamples else image


def _samples(page: "TiffPage") -> Values:
    """The samples as they are stored, of shape (h, w, samples)."""
    try:
        values = page.asarray(maxworkers=1)
    except (ImageError, MemoryError):
        raise
    except Exception as error:  # the per-image edge again
        text = " ".join(str(error).split())[:200]
        if "imagecodecs" in text:
            expected = "expected the extra [tiff]: pip install 'originid[tiff]'"
            packed = f"samples of {page.bitspersample} bits, and compression"
            given = f"a TIFF file with {packed} {_name(page.compression)}"
            raise ImageError(given, expected, "install that or save it as PNG") from error
        given = f"a broken or unsupported TIFF file ({text})"
        raise ImageError(given, "expected a whole image", "fetch or save it anew") from error
    axes = page.axes
    for axis in [axis for axis in axes if axis not in "YXS"]:  # the depth of a volume: its top
        values = values.take(0, axes.index(axis))
        axes = axes.replace(axis, "")
    ordered = values[..., None] if "S" not in axes else np.moveaxis(values, axes.index("S"), -1)
    return np.asarray(ordered)


def _missing(page: "TiffPage", values: Values) -> Mask | None:
    """Where all samples have the value that the file declares to stand for no data."""
    declared = page.tags.valueof(NO_DATA)
    try:
        value = float(declared)
    except (TypeError, ValueError):
        return None
    return np.asarray((values == value).all(axis=-1))


def _shown(page: "TiffPage", photometric: int, colours: Values, missing: Mask | None) -> Image:
    if photometric == PALETTE:
        table = np.asarray(page.colormap)
        table = table >> 8 if table.max() > WHITE else table  # some programs write 8 bits
        return np.ascontiguousarray(table.astype(np.uint8).T[colours])
    if photometric == LAB:
        if colours.dtype.itemsize > 2 or colours.dtype.kind not in "iu":
            raise _refused(f"Lab of type {colours.dtype}")
        top = colours.view(f"u{colours.dtype.itemsize}") >> 8 * (colours.dtype.itemsize - 1)
        lab = Pillow.frombytes("LAB", top.shape[1::-1], top.astype(np.uint8).tobytes())
        return np.asarray(from_lab(lab))
    levels = to_8_bits(colours, missing)
    if photometric == WHITE_IS_ZERO:
        levels = np.where(missing, WHITE, WHITE - levels) if missing is not None else WHITE - levels
        return np.asarray(levels, np.uint8)
    if photometric == SEPARATED:
        return np.asarray(rgb(Pillow.frombytes("CMYK", levels.shape[1::-1], levels.tobytes())))
    if photometric == YCBCR and int(page.compression) not in JPEGS:  # a JPEG comes as RGB
        return np.asarray(rgb(Pillow.frombytes("YCbCr", levels.shape[1::-1], levels.tobytes())))
    return levels


def _before_white(image: Image, page: "TiffPage", extra: Values) -> Image:
    """Put a picture in front of white by its first extra sample, if that is its transparency."""
    kind = int(page.extrasamples[0])
    if kind not in (PREMULTIPLIED, ALPHA):
        return image
    opaque = value_range(extra[..., 0])[1] or 1
    shown = np.empty_like(image)
    for start in range(0, len(image), ROWS):
        rows = slice(start, start + ROWS)
        alpha = np.clip(extra[rows, :, 0] / np.float32(opaque), 0, 1)
        alpha = alpha[..., None] if image.ndim == 3 else alpha
        colours = image[rows] * (alpha if kind == ALPHA else np.float32(1)) + WHITE * (1 - alpha)
        shown[rows] = np.clip(colours + 0.5, 0, WHITE)
    return shown
