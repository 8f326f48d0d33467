"""Decodes an image in a process of its own, which can be ended and whose memory has a limit.

Most decoders ask for bytes again and again, so that their time can be checked. Those of some
formats do all in one call, which nothing in the same process can end.
"""

import json
import os
import subprocess
import sys
from dataclasses import asdict
from typing import BinaryIO

import numpy as np
from PIL.ImageFile import ImageFile

from originid.errors import ImageError
from originid.images.limits import Limits
from originid.images.opened import Decoded, OpenedImage, image_errors

IN_ONE_CALL = ("TIFF", "WEBP", "AVIF", "HEIF")  # the formats, by Pillow's names
MANY_PIXELS = 64_000_000  # more than nearly all cameras have; below, these take some seconds
MANY_BYTES = 16  # for each pixel: more than samples can need
BESIDE = 1 << 20  # bytes of a file that are not pixels, and do not count
START_SECONDS = 10.0  # what the process may take to begin, beside the time for decoding
START_BYTES = 600_000_000  # address space that Python and its libraries take, mostly unused
PROGRAM = "import sys; sys.path[:] = {path!r}; from originid.images.apart import serve; serve()"


def is_slow(opened: ImageFile, pixels: int, size: int) -> bool:
    """Tell whether decoding an image could take long in a call that cannot be ended.

    Args:
        opened: the image, of which only the header is read.
        pixels: the number of its pixels.
        size: the bytes of the file.
    """
    many = pixels > MANY_PIXELS or size > MANY_BYTES * pixels + BESIDE
    return many and opened.format in IN_ONE_CALL and bool(sys.executable)


def decode_apart(kind: str, data: bytes, size: int | None, limits: Limits, memory: int) -> Decoded:
    """Decode an image in a process of its own.

    Args:
        kind: the format, a key of `FORMATS`.
        data: the bytes of the picture.
        size: the side to which it is squashed, or None.
        limits: of its time.
        memory: the bytes that decoding takes at most; the process gets a little more.

    Raises:
        ImageError: it cannot be decoded within the limits, or its decoder crashed.
    """
    request = {"kind": kind, "size": size, "memory": START_BYTES + memory, "limits": asdict(limits)}
    program = [sys.executable, "-I", "-c", PROGRAM.format(path=sys.path)]
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(
        program,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
    ) as process:
        assert process.stdin
        try:
            process.stdin.write(json.dumps(request).encode() + b"\n")
            process.stdin.write(data)
            process.stdin.flush()
        except BrokenPipeError:
            pass  # it has ended, and how is found out below
        try:
            output, _ = process.communicate(timeout=limits.max_seconds + START_SECONDS)
        except subprocess.TimeoutExpired as error:
            process.kill()
            given = f"decoding takes more than {limits.max_seconds:g} seconds"
            expected = "expected a simpler image"
            raise ImageError(given, expected, "save it anew or raise the limit") from error
    line, _, pixels = output.partition(b"\n")
    if not line:
        given = f"a {kind} file that takes more memory than it says, or crashes its decoder"
        raise ImageError(given, "expected a whole image", "save it anew")
    answer = json.loads(line)
    if "error" in answer:
        raise ImageError(*answer["error"])
    image = np.frombuffer(pixels, np.uint8).reshape(answer.pop("shape"))
    return Decoded(image, **answer)


def serve() -> None:
    """Decode the image on standard input, and write its pixels to standard output.

    The first line of both is a JSON object that describes what follows.
    """
    given, taken = sys.stdin.buffer, sys.stdout.buffer
    request = json.loads(given.readline())
    _limit_memory(request["memory"])
    try:
        decoded = _decode(request, given)
    except ImageError as error:
        taken.write(json.dumps({"error": [error.given, error.expected, error.todo]}).encode())
        return
    described = {"shape": decoded.image.shape, "width": decoded.width, "height": decoded.height}
    taken.write(json.dumps(described | {"note": decoded.note}).encode() + b"\n")
    taken.write(decoded.image.data if decoded.image.flags.c_contiguous else decoded.image.tobytes())


def _decode(request: dict[str, object], file: BinaryIO) -> Decoded:
    kind, limits = str(request["kind"]), Limits(**request["limits"])  # type: ignore[arg-type]
    data, size = file.read(), request["size"]
    with image_errors(kind):
        return OpenedImage(kind, data, size if isinstance(size, int) else None, limits).decode()


def _limit_memory(size: int) -> None:
    try:
        import resource
    except ImportError:  # Windows
        return
    resource.setrlimit(resource.RLIMIT_AS, (size, size))
