"""Image files that are made to cost time or memory: small, by code, each with the right outcome."""

import io
import os
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image as Pillow

from image_files import encoded, gif, jpeg_of_scans, natural, png_chunk, png_with_huge_text

IMAGE = "an image"  # the outcome of files that are sound, whatever is in them beside the picture


@dataclass(frozen=True)
class Hostile:
    """A hostile file.

    Args:
        make: makes its bytes.
        outcome: `IMAGE`, or a part of the reason for which it is refused.
    """

    make: Callable[[], bytes]
    outcome: str


def _zeros(size: int) -> bytes:
    """So many zero bytes, deflated to a thousandth."""
    packer = zlib.compressobj(9)
    block = bytes(1 << 20)
    parts = [packer.compress(block[: min(len(block), size - at)]) for at in range(0, size, 1 << 20)]
    packed = b"".join([*parts, packer.flush()])
    return packed + bytes(len(packed) % 2)


def _longs(*values: int) -> tuple[int, int, bytes]:
    return 4, len(values), struct.pack(f"<{len(values)}I", *values)


def _shorts(*values: int) -> tuple[int, int, bytes]:
    return 3, len(values), struct.pack(f"<{len(values)}H", *values)


def _tiff(pixels: bytes, tags: dict[int, tuple[int, int, bytes]]) -> bytes:
    """A TIFF of these tags (type, count, value), whose pixels begin at byte 8."""
    entries, behind = b"", b""
    start = 8 + len(pixels) + 2 + 12 * len(tags) + 4
    for tag, (kind, count, value) in sorted(tags.items()):
        if len(value) <= 4:
            place = value.ljust(4, b"\0")
        else:
            place = struct.pack("<I", start + len(behind))
            behind += value + bytes(len(value) % 2)
        entries += struct.pack("<HHI", tag, kind, count) + place
    head = b"II*\0" + struct.pack("<I", 8 + len(pixels)) + pixels
    return head + struct.pack("<H", len(tags)) + entries + bytes(4) + behind


def _picture(side: int, bits: tuple[int, ...], form: int, **more: int) -> bytes:
    """A black TIFF in one deflated strip of a side; of several planes all are the same bytes."""
    planes = len(bits) if more.get("planar") == 2 else 1
    strip = _zeros(side * more.get("rows", side) * sum(bits) // 8 // planes)
    tags = {
        256: _longs(side), 257: _longs(side), 258: _shorts(*bits), 259: _longs(8),
        262: _longs(2 if len(bits) > 1 else 1), 277: _shorts(len(bits)), 278: _longs(side),
        273: _longs(*[8] * planes), 279: _longs(*[len(strip)] * planes), 339: _shorts(form),
        284: _shorts(more.get("planar", 1)),
    }  # fmt: skip
    return _tiff(strip, tags)


def tiff_of_giant_tiles(tiles: int, rows: int = 1 << 22, width: int = 16) -> bytes:
    """Narrow tiles that reach far below the image, and all are the same deflated bytes."""
    pixels = _zeros(width * rows * 3)
    tags = {
        256: _longs(16 * tiles), 257: _longs(16), 258: _shorts(8, 8, 8), 259: _longs(8),
        262: _longs(2), 277: _longs(3), 322: _longs(width), 323: _longs(rows),
        324: (4, tiles, struct.pack("<I", 8) * tiles),
        325: (4, tiles, struct.pack("<I", len(pixels)) * tiles),
    }  # fmt: skip
    return _tiff(pixels, tags)


def _tiff_of_byte_strips(strips: int) -> bytes:
    tags = {
        256: _longs(16), 257: _longs(16), 258: _shorts(8), 259: _longs(1), 262: _longs(1),
        277: _shorts(1), 278: _longs(1), 273: (1, strips, bytes(strips)),
        279: (1, strips, b"\1" * strips),
    }  # fmt: skip
    return _tiff(b"", tags)


def _tiff_of_jpeg_scans(side: int, scans: int) -> bytes:
    jpeg = jpeg_of_scans(side, scans)
    jpeg += bytes(len(jpeg) % 2)
    tags = {
        256: _longs(side), 257: _longs(side), 258: _shorts(8), 259: _longs(7), 262: _longs(1),
        277: _shorts(1), 278: _longs(side), 273: _longs(8), 279: _longs(len(jpeg)),
    }  # fmt: skip
    return _tiff(jpeg, tags)


def _jpeg_with(segments: bytes) -> bytes:
    data = encoded(natural(64, 64), "JPEG")
    return data[:2] + segments + data[2:]


def _segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def _png_with(chunks: bytes) -> bytes:
    data = encoded(natural(64, 64), "PNG")
    return data[:33] + chunks + data[33:]


def _black_png(
    side: int, kind: int, bits: int, samples: int, interlaced: int = 0, rows: int | None = None
) -> bytes:
    """A black PNG of a side, of which only some rows may be there."""
    header = struct.pack(">IIBBBBB", side, side, bits, kind, 0, 0, interlaced)
    each = 1 + side * samples * bits // 8
    pixels = _zeros(each * (side if rows is None else rows) + (side << 4) * interlaced)
    chunks = png_chunk(b"IHDR", header) + png_chunk(b"IDAT", pixels) + png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def _png_in_pieces(pieces: int) -> bytes:
    side = 100
    rows = b"".join(b"\0" + os.urandom(3 * side) for _ in range(side))
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
    pixels = png_chunk(b"IDAT", b"") * pieces + png_chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + header + pixels + png_chunk(b"IEND", b"")


def _animation(kind: str, side: int, frames: int) -> bytes:
    file = io.BytesIO()
    each = [Pillow.new("RGB", (side, side), (n % 3, 0, 0)) for n in range(frames)]
    each[0].save(file, kind, save_all=True, append_images=each[1:], duration=20)
    return file.getvalue()


def _flat(kind: str, side: int, **options: object) -> bytes:
    return encoded(Pillow.new("RGB", (side, side)), kind, **options)


def corpus(scale: int = 1) -> dict[str, Hostile]:
    """The hostile files by what they are.

    Args:
        scale: 1 for files that are made in a moment; above, the repetitions in them are as many
            times as many, and the large images nearly as large as is allowed.
    """
    large, largest = (8_500, 12_500) if scale > 1 else (2_500, 4_000)
    exif = _segment(0xE1, b"Exif\0\0" + bytes(65_000))
    profile = _segment(0xE2, b"ICC_PROFILE\0\1\xff" + bytes(65_000))
    return {
        "TIFF, 100 giant tiles that are one": Hostile(
            lambda: tiff_of_giant_tiles(100 * scale, 1 << 19), "tiles are far larger"
        ),
        "TIFF, 16 x 16 in one giant tile": Hostile(
            lambda: tiff_of_giant_tiles(1, 16_384, 16_384), "tiles are far larger"
        ),
        "TIFF, millions of strips": Hostile(
            lambda: _tiff_of_byte_strips(2_100_000 * scale), "its tag 273 has"
        ),
        "TIFF, a strip of JPEG scans": Hostile(
            lambda: _tiff_of_jpeg_scans(4_000, 10_000 * scale), "JPEG of"
        ),
        "TIFF, floats of 12,000 x 12,000": Hostile(
            lambda: _picture(12_000, (32,), 3, rows=1), "GB of memory"
        ),
        "TIFF, large, of floats": Hostile(lambda: _picture(large, (32,), 3), IMAGE),
        "TIFF, large, of doubles": Hostile(lambda: _picture(large * 3 // 4, (64,), 3), IMAGE),
        "TIFF, large, of three planes": Hostile(
            lambda: _picture(large * 3 // 4, (16, 16, 16), 1, planar=2), IMAGE
        ),
        "TIFF, large": Hostile(lambda: _picture(largest, (8, 8, 8), 1), IMAGE),
        "JPEG, EXIF in many segments": Hostile(lambda: _jpeg_with(exif * 500 * scale), IMAGE),
        "JPEG, a profile in many segments": Hostile(
            lambda: _jpeg_with(profile * 500 * scale), IMAGE
        ),
        "JPEG, small segments": Hostile(
            lambda: _jpeg_with(_segment(0xE5, b"x") * 200_000 * scale), IMAGE
        ),
        "JPEG, thousands of scans": Hostile(
            lambda: jpeg_of_scans(12_000, 2_000 * scale), "JPEG of"
        ),
        "JPEG, large, progressive": Hostile(
            lambda: _flat("JPEG", largest, quality=1, progressive=True), IMAGE
        ),
        "PNG, small chunks": Hostile(
            lambda: _png_with(png_chunk(b"tEXt", b"a\0b") * 200_000 * scale), IMAGE
        ),
        "PNG, pixels in many pieces": Hostile(lambda: _png_in_pieces(200_000 * scale), IMAGE),
        "PNG, a text that unpacks to 1 GB": Hostile(lambda: png_with_huge_text(100 * scale), IMAGE),
        "PNG, large, interlaced": Hostile(
            lambda: _black_png(largest, 2, 8, 3, interlaced=1), IMAGE
        ),
        "PNG, 16 bits and alpha, 12,500 x 12,500": Hostile(
            lambda: _black_png(12_500, 6, 16, 4, rows=1), "GB of memory"
        ),
        "PNG, large, 16 bits and alpha": Hostile(lambda: _black_png(large, 6, 16, 4), IMAGE),
        "PNG, 30,000 x 30,000": Hostile(
            lambda: _black_png(30_000, 0, 1, 1, rows=1), "30,000 x 30,000 pixels"
        ),
        "GIF, frames": Hostile(lambda: gif(frames=50_000 * scale), IMAGE),
        "GIF, comments": Hostile(
            lambda: gif()[:19] + b"!\xfe\1a\0" * 500_000 * scale + gif()[19:], "very many parts"
        ),
        "PNG, black frames of 2,000 x 2,000": Hostile(
            lambda: _animation("PNG", 2_000, 10 * scale), IMAGE
        ),
        "WebP, black frames of 2,000 x 2,000": Hostile(
            lambda: _animation("WEBP", 2_000, 10 * scale), IMAGE
        ),
        "WebP, large": Hostile(lambda: _flat("WEBP", large, quality=1, method=0), IMAGE),
        "AVIF, large": Hostile(lambda: _flat("AVIF", large, quality=1, speed=10), IMAGE),
        "WebP, 12,000 x 12,000": Hostile(
            lambda: _flat("WEBP", 12_000, quality=1, method=0), "GB of memory"
        ),
        "BMP, large": Hostile(lambda: encoded(np.zeros((large, large, 3), np.uint8), "BMP"), IMAGE),
    }
