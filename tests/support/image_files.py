"""Image files for tests, as bytes: sound ones of every format, and hostile ones made by hand."""

import functools
import io
import struct
import zlib

import numpy as np
from PIL import Image as Pillow

from originid.types import Image


@functools.lru_cache(8)
def natural(height: int, width: int, seed: int = 0) -> Image:
    """An image with the spectrum of a photo (amplitude 1 / frequency) and some hard edges."""
    rng = np.random.default_rng(seed)
    fy, fx = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None, :]
    amplitude = 1 / np.maximum(np.hypot(fy, fx), 1 / max(height, width))
    channels = [rng.normal(size=(height, width)) for _ in range(3)]
    shared = 2 * rng.normal(size=(height, width))
    out = np.stack(
        [np.fft.irfft2(np.fft.rfft2(c + shared) * amplitude, (height, width)) for c in channels], 2
    )
    out = 128 + 40 * (out - out.mean()) / (out.std() or 1)
    out[height // 5 : height // 2, width // 5 : width // 2] += 60
    out[height // 2 :, width // 2 :] -= 40
    image: Image = np.clip(out, 0, 255).astype(np.uint8)
    image.flags.writeable = False  # it is shared
    return image


def encoded(image: Image | Pillow.Image, kind: str, **options: object) -> bytes:
    """The file that Pillow writes; ``kind`` is its name of the format."""
    file = io.BytesIO()
    picture = image if isinstance(image, Pillow.Image) else Pillow.fromarray(image)
    picture.save(file, kind, **options)
    return file.getvalue()


def exif(orientation: int, order: str = "<", long: bool = False) -> bytes:
    """An EXIF block with one field, the orientation, which is a SHORT, or a LONG."""
    head = b"II*\0" if order == "<" else b"MM\0*"
    value = struct.pack(f"{order}I" if long else f"{order}HH", orientation, *([] if long else [0]))
    field = struct.pack(f"{order}HHI", 0x0112, 4 if long else 3, 1) + value
    return b"Exif\0\0" + head + struct.pack(f"{order}IH", 8, 1) + field + bytes(4)


def png_chunk(name: bytes, body: bytes) -> bytes:
    check = struct.pack(">I", zlib.crc32(name + body))
    return struct.pack(">I", len(body)) + name + body + check


def png(width: int, height: int, *extra: bytes, rows: int | None = None) -> bytes:
    """A black 1-bit PNG of any stated size, a few bytes a megapixel; ``rows`` cuts its data."""
    stride = 1 + (width + 7) // 8
    packer = zlib.compressobj(9)
    data = b"".join(packer.compress(bytes(stride)) for _ in range(height if rows is None else rows))
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0))
    pixels = png_chunk(b"IDAT", data + packer.flush())
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(extra) + pixels + png_chunk(b"IEND", b"")


def png_with_huge_profile(megabytes: int = 16) -> bytes:
    """A PNG whose colour profile is small in the file and unpacks to so many megabytes."""
    profile = zlib.compress(bytes(megabytes << 20), 9)
    return png(8, 8, png_chunk(b"iCCP", b"x\0\0" + profile))


def png_with_huge_text(megabytes: int = 16) -> bytes:
    """The same with a compressed text."""
    return png(8, 8, png_chunk(b"zTXt", b"x\0\0" + zlib.compress(bytes(megabytes << 20), 9)))


def _jpeg_segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def jpeg_of_scans(side: int, scans: int) -> bytes:
    """A grey progressive JPEG of empty scans, each of which costs a pass over all pixels.

    One Huffman code, a zero bit, means "the next 16,384 to 32,767 blocks are empty".
    """
    runs = -(-(((side + 7) // 8) ** 2) // 32767)
    bits = "011111111111111" * runs
    bits += "1" * (-len(bits) % 8)
    packed = int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\0")
    scan = _jpeg_segment(0xDA, b"\1\1\0\1\x3f\0") + packed
    return b"".join(
        [
            b"\xff\xd8" + _jpeg_segment(0xDB, b"\0" + b"\1" * 64),
            _jpeg_segment(0xC2, struct.pack(">BHHB", 8, side, side, 1) + b"\1\x11\0"),
            _jpeg_segment(0xC4, b"\x10" + b"\1" + bytes(15) + b"\xe0"),
            scan * scans + b"\xff\xd9",
        ]
    )


def gif(frames: int = 1, at: tuple[int, int] = (0, 0), canvas: tuple[int, int] = (4, 4)) -> bytes:
    """A GIF of 2 x 2 frames, all of colour 1 (red), at a place that may be off the canvas."""
    head = b"GIF89a" + struct.pack("<HH", *canvas) + b"\x80\0\0" + b"\0\0\0\xff\0\0"
    pixels = b"\x02\x03\x4c\x12\x05\0"  # LZW: clear, 1, 1, 1, 1, end
    frame = b"," + struct.pack("<HHHHB", *at, 2, 2, 0) + pixels
    return head + frame * frames + b";"


def tiff_of_fields(fields: int = 2000, size: int = 200_000) -> bytes:
    """A TIFF with many fields that all point at the same bytes: a copy of each is 400 MB."""
    entries = [(256, 3, 1, 16), (257, 3, 1, 16), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1)]
    entries += [(273, 4, 1, 8), (278, 3, 1, 16), (279, 4, 1, 256)]
    entries += [(60000 + i, 1, size, 8) for i in range(fields)]
    table = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    head = b"II*\0" + struct.pack("<I", 8 + size) + bytes(size)
    return head + struct.pack("<H", len(entries)) + table + bytes(4)


@functools.cache
def broken_files() -> dict[str, bytes]:
    """Files that no sound decoder turns into an image, by what is wrong with them."""
    picture = natural(96, 128)
    whole = {kind: encoded(picture, kind) for kind in ("JPEG", "PNG", "WEBP", "GIF", "BMP", "AVIF")}
    whole["TIFF"] = encoded(picture, "TIFF", compression="tiff_lzw")
    files = {f"{kind} cut in half": data[: len(data) // 2] for kind, data in whole.items()}
    files["JPEG cut in half"] = whole["JPEG"][: len(whole["JPEG"]) // 3]  # half would be shown
    files |= {f"{kind} of 20 bytes": data[:20] for kind, data in whole.items()}
    return files | {
        "empty": b"",
        "text": b"this is not a picture\n",
        "SVG": b'<svg xmlns="http://www.w3.org/2000/svg"/>',
        "PDF": b"%PDF-1.7\n",
        "EPS": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\nshowpage\n",
        "MP4": b"\0\0\0\x18ftypisom\0\0\2\0isomiso2" + bytes(40),
        "30,000 x 30,000 pixels": png(30_000, 30_000, rows=1),
        "PNG without pixels": png(64, 64, rows=0),
        "PNG of no width": png(0, 5),
        "GIF without frames": gif(frames=0),
        "GIF of no size, without frames": gif(frames=0, canvas=(0, 0)),
    }
