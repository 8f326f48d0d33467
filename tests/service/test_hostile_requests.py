"""Requests that mean harm: each gets its status, and the service goes on in bounded memory.

The service runs in a process of its own and is spoken to by a plain socket, so that requests may be
as wrong as they like.
"""

import json
import os
import socket
import sys
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from struct import pack

import pytest

pytest.importorskip("uvicorn", reason="needs the extra [serve]")

from image_files import broken_files
from originid.collection.adding import store_images
from originid.collection.collection import create_collection
from originid.model import Model
from originid.testing import write_photos
from served_process import served

LIMITS = {"max_bytes": 2_000_000, "max_pixels": 20_000_000, "body_seconds": 1.5, "workers": 2}
MOST_MEMORY = 1_500_000_000  # bytes that the process may ever take
LINES = b"Host: localhost\r\n"
BOUNDARY = b"Content-Type: multipart/form-data; boundary=b\r\n"


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory, model: Model) -> Iterator[int]:
    folder = tmp_path_factory.mktemp("hostile")
    with create_collection(folder / "c", model) as collection:
        store_images(collection, write_photos(folder / "photos", 4))
    limits = folder / "limits.json"
    limits.write_text(json.dumps(LIMITS))
    with served(folder / "c", "--limits", str(limits)) as found:
        yield found
        if sys.platform == "linux":
            assert peak_memory() < MOST_MEMORY


def peak_memory() -> int:
    """The most memory that a child of this process ever took, in bytes."""
    most = 0
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            lines = dict(
                line.split(":", 1) for line in status.read_text().splitlines() if ":" in line
            )
        except OSError:
            continue
        if lines.get("PPid", "").strip() == str(os.getpid()):
            most = max(most, 1024 * int(lines.get("VmHWM", "0 kB").split()[0]))
    return most


def send(port: int, *parts: bytes, pause: float = 0.0, wait: float = 15.0) -> bytes:
    """Send bytes, part by part, and return all that comes back."""
    with socket.create_connection(("127.0.0.1", port), timeout=wait) as connection:
        answer = b""
        try:
            for part in parts:
                connection.sendall(part)
                time.sleep(pause)
        except OSError:
            pass  # the service closed the connection: it answered already
        try:
            while part := connection.recv(65_536):
                answer += part
        except OSError:
            pass
    return answer


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.1 ") else 0


def form(*fields: bytes) -> bytes:
    return b"".join(b"--b\r\n" + field + b"\r\n" for field in fields) + b"--b--\r\n"


def file_field(data: bytes, name: bytes = b"q.png", field: bytes = b"image") -> bytes:
    return (
        b'Content-Disposition: form-data; name="' + field + b'"; filename="' + name + b'"\r\n'
        b"Content-Type: image/png\r\n\r\n" + data
    )


def post(body: bytes, lines: bytes = BOUNDARY, address: bytes = b"/v1/find") -> bytes:
    length = b"Content-Length: %d\r\nConnection: close\r\n" % len(body)
    return b"POST " + address + b" HTTP/1.1\r\n" + LINES + lines + length + b"\r\n" + body


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few kilobytes that says it has so many pixels, all black."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return pack(">I", len(data)) + kind + data + pack(">I", zlib.crc32(kind + data))

    maker = zlib.compressobj(9, wbits=-15)
    row, rows = bytes(1 + 3 * width), min(height, 20_000)
    block = maker.compress(row) + maker.flush(zlib.Z_FULL_FLUSH)  # which may stand there repeatedly
    adler = pack(">HH", len(row) * rows % 65521, 1)  # of so many zeros
    packed = b"\x78\xda" + block * rows + maker.flush() + adler
    header = pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")
    )


BROKEN = broken_files()
START = b"POST /v1/find HTTP/1.1\r\n" + LINES + BOUNDARY
CONTENT, BINDING = b"/c2pa/v1/matches/byContent", b"/c2pa/v1/matches/byBinding"
PNG, JSON = b"Content-Type: image/png\r\n", b"Content-Type: application/json\r\n"
MANY_FIELDS = b'Content-Disposition: form-data; name="f"\r\n\r\nx'
ATTEMPTS = {  # by name: what is sent, and the status of the answer; 0 is a closed connection
    "no body": (post(b""), 422),
    "no form": (post(b"{}", b"Content-Type: application/json\r\n"), 415),
    "a form without an end": (post(b"--b\r\n" + file_field(b"x")), 422),
    "a form without its boundary": (post(form(file_field(b"x")), BOUNDARY[:-4] + b"\r\n"), 400),
    "10,000 fields": (post(form(*[MANY_FIELDS] * 10_000)), 400),
    "2,000 files": (post(form(*[file_field(b"x")] * 2_000)), 400),
    "two pictures": (post(form(file_field(b"x"), file_field(b"y"))), 422),
    "a field of a megabyte and more": (
        post(form(b'Content-Disposition: form-data; name="effort"\r\n\r\n' + b"x" * 1_500_000)),
        400,
    ),
    "a path as a name": (post(form(file_field(b"x", b"../../../../etc/passwd"))), 422),
    "a name with a line in it": (post(form(file_field(b"x", b"a%0d%0aX: 1"))), 422),
    "a name without end": (post(form(file_field(b"x", b"n" * 60_000))), 400),
    "a body larger than it may be": (post(b"x" * 2_100_000), 413),
    "a gigabyte that is only announced": (
        START + b"Content-Length: 1000000000\r\n\r\nx",
        413,
    ),
    "a length of many digits": (
        b"POST /v1/find HTTP/1.1\r\n"
        + LINES
        + BOUNDARY
        + b"Content-Length: "
        + b"9" * 40
        + b"\r\n\r\n",
        400,
    ),
    "two lengths": (
        b"POST /v1/find HTTP/1.1\r\n"
        + LINES
        + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        400,
    ),
    "a decompression bomb of 400 megapixels": (post(form(file_field(bomb(20_000, 20_000)))), 413),
    "a bomb within the pixels": (post(form(file_field(bomb(4_000, 5_000)))), 200),
    "a picture cut short": (post(form(file_field(bomb(4_000, 5_000)[:-2_000]))), 422),
    "no HTTP": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"x" * 50 + b"\r\n\r\n", 400),
    "a header without end": (b"GET /health HTTP/1.1\r\nX: " + b"x" * 300_000, 400),
    "a path upwards": (b"GET /static/../../../../etc/passwd HTTP/1.1\r\n" + LINES + b"\r\n", 404),
    "a path upwards, hidden": (
        b"GET /static/%2e%2e%2f%2e%2e%2fsettings.py HTTP/1.1\r\nConnection: close\r\n"
        + LINES
        + b"\r\n",
        404,
    ),
    "another method": (b"TRACE /health HTTP/1.1\r\n" + LINES + b"\r\n", 405),
    "a number that is none": (
        b"GET /v1/references/"
        + b"9" * 500
        + b" HTTP/1.1\r\nConnection: close\r\n"
        + LINES
        + b"\r\n",
        422,
    ),
    "a bomb to be matched": (post(bomb(20_000, 20_000), PNG, CONTENT), 413),
    "an asset of 2 MB of noughts": (post(bytes(1_900_000), PNG, CONTENT), 415),
    "a binding of a megabyte": (
        post(b'{"alg":"io.originid.signs.1","value":"' + b"A" * 1_000_000 + b'"}', JSON, BINDING),
        400,
    ),
    "a binding that is nested": (post(b"[" * 100_000, JSON, BINDING), 400),
    "the manifest of a path": (
        b"GET /c2pa/v1/manifests/..%2f..%2fmodel.json HTTP/1.1\r\n" + LINES + b"\r\n",
        404,
    ),
    "an address": (
        post(
            b"url=http%3A%2F%2F127.0.0.1%2F",
            b"Content-Type: application/x-www-form-urlencoded\r\n",
        ),
        403,
    ),
}


@pytest.mark.parametrize("name", ATTEMPTS)
def test_each_attempt_gets_its_answer(port: int, name: str) -> None:
    request, status = ATTEMPTS[name]
    request = request.replace(b" HTTP/1.1\r\nHost", b" HTTP/1.1\r\nConnection: close\r\nHost", 1)
    answer = send(port, request)
    assert status_of(answer) == status
    assert b"Traceback" not in answer
    assert b"root:" not in answer
    assert status_of(send(port, b"GET /health HTTP/1.0\r\n" + LINES + b"\r\n")) == 200


@pytest.mark.parametrize("name", sorted(BROKEN))
def test_files_that_are_no_pictures_are_told(port: int, name: str) -> None:
    answer = send(port, post(form(file_field(BROKEN[name]))))
    assert status_of(answer) == (413 if name == "30,000 x 30,000 pixels" else 422)


def test_a_body_that_trickles_in_is_given_up(port: int) -> None:
    head = START + b"Content-Length: 100000\r\n\r\n--b\r\n"
    begun = time.monotonic()
    answer = send(port, head, *[b"x"] * 8, pause=0.4)
    assert status_of(answer) == 408
    assert time.monotonic() - begun < 10


def test_a_body_without_a_stated_length_is_counted(port: int) -> None:
    head = START + b"Transfer-Encoding: chunked\r\n\r\n"
    part = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    start = b"%x\r\n" % len(b"--b\r\n" + file_field(b"")) + b"--b\r\n" + file_field(b"") + b"\r\n"
    assert status_of(send(port, head, start, *[part] * 60)) == 413


def test_clients_that_leave_give_their_place_back(port: int) -> None:
    request = post(form(file_field(bomb(4_000, 5_000))))
    for _ in range(6):
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(request)
    until = time.monotonic() + 30
    while time.monotonic() < until:
        metrics = send(port, b"GET /metrics HTTP/1.0\r\n" + LINES + b"\r\n")
        if b"originid_busy 0.0" in metrics:
            return
        time.sleep(0.2)
    raise AssertionError("places are still taken")
