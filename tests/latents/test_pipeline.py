"""Reading, decoding and encoding overlap: order, slow sources, memory, errors, ending early."""

import hashlib
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from originid.errors import ImageError
from originid.images.decode import ReserveMemory, no_limit
from originid.images.limits import Limits
from originid.images.opened import Decoded
from originid.latents import encode_files as pipeline
from originid.latents import read_files
from originid.latents.encode_files import Encoded, Entry, encode_sources
from originid.latents.read_files import Known
from originid.latents.sources import Source
from originid.types import Failure, Image, Latents

PATIENCE = 60  # seconds after which a test that hangs fails instead


@dataclass
class Recorder:
    """An encoder of 1 x 1 images, whose latent is the image; it notes what is done."""

    size: int = 1
    spec: str = "recorder"
    shapes: tuple[tuple[int, int, int], ...] = ((3, 1, 1),)
    cutoffs: tuple[float, ...] = (1.0,)
    identity: str = "recorder"
    decoded: int = 0
    batches: list[int] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def encode(self, images: Image) -> Latents:
        with self.changed:
            self.batches.append(len(images))
            self.changed.notify_all()
        return images.reshape(len(images), 3).astype(np.float32)

    def decode(self, data: bytes, size: int, limits: Limits, reserve: ReserveMemory) -> Decoded:
        """Stands in for the real one: the first two bytes are the image's number."""
        reserve(3)
        n = int.from_bytes(data[:2], "big")
        with self.changed:
            self.decoded += 1
            self.changed.notify_all()
        return Decoded(np.array([[[n % 256, n // 256, 0]]], np.uint8), n, 1)

    def wait_for(self, decoded: int, encoded: int) -> None:
        """Wait until so many images are decoded, and so many encoded."""
        with self.changed:
            assert self.changed.wait_for(
                lambda: self.decoded >= decoded and sum(self.batches) >= encoded, PATIENCE
            )


Read = Callable[[int, ReserveMemory], bytes]


def number(name: str) -> int:
    return int(name.split(".")[0])


def plain(n: int, reserve: ReserveMemory) -> bytes:
    data = n.to_bytes(2, "big")
    reserve(len(data))
    return data


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    """Chunks of 4 images in 2 batches, of which 3 may be ahead; files hold their number."""
    made = Recorder()

    for name, value in {"CHUNK": 4, "BATCH": 2, "AHEAD": 3}.items():
        monkeypatch.setattr(pipeline, name, value)
    monkeypatch.setattr(read_files, "decode", made.decode)
    return made


@pytest.fixture
def read_by(monkeypatch: pytest.MonkeyPatch) -> Callable[[Read], None]:
    def use(read: Read) -> None:
        monkeypatch.setattr(
            read_files, "read_bytes", lambda name, limits, reserve: read(number(name), reserve)
        )

    use(plain)
    return use


ReadBy = Callable[[Read], None]


def sources(n: int) -> list[Source]:
    return [Source(f"{i}.jpg") for i in range(n)]


def numbers(chunks: list[list[Entry]]) -> list[int]:
    """The number that each image holds, which must be that of its name."""
    found = []
    for entry in (entry for chunk in chunks for entry in chunk):
        assert isinstance(entry, Encoded)
        assert number(entry.source.name) == entry.width == entry.latent @ [1, 256, 0]
        found.append(entry.width)
    return found


def threads(name: str) -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == name]


def join_readers() -> None:
    for thread in threads("originid-read"):
        if thread.is_alive():  # an interrupt may come while one is being started
            thread.join(PATIENCE)
        assert not thread.is_alive()


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("n", [0, 1, 2, 3, 4, 5, 101])
def test_chunks_in_order(n: int, workers: int, recorder: Recorder, read_by: ReadBy) -> None:
    chunks = list(encode_sources(sources(n), recorder, workers=workers))
    assert numbers(chunks) == list(range(n))
    assert [len(chunk) for chunk in chunks] == [4] * (n // 4) + [n % 4] * (n % 4 > 0)
    assert sorted(recorder.batches) == [1] * (n % 2) + [2] * (n // 2)


def test_bytes_need_no_reading(recorder: Recorder, read_by: ReadBy) -> None:
    read_by(lambda n, reserve: pytest.fail("a file was read"))
    given = [Source(f"{n}.jpg", n.to_bytes(2, "big")) for n in range(9)]
    assert numbers(list(encode_sources(given, recorder))) == list(range(9))


def test_order_does_not_depend_on_which_file_is_read_first(
    recorder: Recorder, read_by: ReadBy
) -> None:
    """Each file of an even number is there after the next one."""
    there = [threading.Event() for _ in range(40)]

    def read(n: int, reserve: ReserveMemory) -> bytes:
        if n % 2 == 0:
            assert there[n + 1].wait(PATIENCE)
        there[n].set()
        return plain(n, reserve)

    read_by(read)
    assert numbers(list(encode_sources(sources(40), recorder, workers=2))) == list(range(40))


@pytest.mark.parametrize("slow", [{0}, {5}, {0, 1, 2, 3, 4, 5, 6}])
def test_slow_files_stall_nobody(slow: set[int], recorder: Recorder, read_by: ReadBy) -> None:
    """They come when all that may be ahead of them is decoded, and encoded but for their batches.

    One reader of the 8 is left for the others.
    """
    ahead = 12
    waiting = {n // 2 for n in slow}
    encoded = ahead - 2 * len(waiting)

    def read(n: int, reserve: ReserveMemory) -> bytes:
        if n in slow:
            recorder.wait_for(decoded=ahead - len(slow), encoded=encoded)
        return plain(n, reserve)

    read_by(read)
    assert numbers(list(encode_sources(sources(ahead), recorder, workers=1))) == list(range(ahead))


class Content(bytes):
    """Bytes that say when they are dropped."""

    live = peak = 0
    lock = threading.Lock()

    @classmethod
    def make(cls, n: int, size: int) -> "Content":
        with cls.lock:
            cls.live += size
            cls.peak = max(cls.peak, cls.live)
        return cls(n.to_bytes(2, "big").ljust(size, b"\0"))

    def __del__(self) -> None:
        with Content.lock:
            Content.live -= len(self)


@pytest.fixture
def content() -> type[Content]:
    Content.live = Content.peak = 0
    return Content


@pytest.mark.parametrize("largest", [500, 5000])
@pytest.mark.parametrize("workers", [1, 3])
def test_bytes_of_files_are_bounded(
    workers: int,
    largest: int,
    content: type[Content],
    recorder: Recorder,
    read_by: ReadBy,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing is decoded until as many bytes are there as may be; then they stay so many."""
    monkeypatch.setattr(pipeline, "FILES", 1000)
    full = threading.Event()

    def read(n: int, reserve: ReserveMemory) -> bytes:
        size = largest if n == 50 else 50 * (n % 7 + 4)
        reserve(size)
        made = content.make(n, size)
        if content.peak > workers * 1000 - 500:
            full.set()
        return made

    def patient(data: bytes, size: int, limits: Limits, reserve: ReserveMemory) -> Decoded:
        assert full.wait(PATIENCE)
        return recorder.decode(data, size, limits, reserve)

    read_by(read)
    monkeypatch.setattr(read_files, "decode", patient)
    monkeypatch.setattr(pipeline, "AHEAD", 8)
    chunks = list(encode_sources(sources(100), recorder, workers=workers))
    assert workers * 1000 - 500 < content.peak <= max(workers * 1000, largest)
    assert content.live == 0  # though the results are held
    assert numbers(chunks) == list(range(100))


def test_pixels_are_bounded(
    recorder: Recorder, read_by: ReadBy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "PIXELS", 100)
    lock = threading.Lock()
    live, sums = 0, []

    def large(data: bytes, size: int, limits: Limits, reserve: ReserveMemory) -> Decoded:
        nonlocal live
        need = 1000 if data == b"\0\7" else 150
        reserve(need)
        with lock:
            live += need
            sums.append(live)
        decoded = recorder.decode(data, size, limits, no_limit)
        with lock:
            live -= need
        return decoded

    monkeypatch.setattr(read_files, "decode", large)
    assert numbers(list(encode_sources(sources(60), recorder, workers=4))) == list(range(60))
    assert max(sums) == 1000
    assert all(held <= 400 or held == 1000 for held in sums)


def test_what_is_ahead_is_bounded(recorder: Recorder, read_by: ReadBy) -> None:
    pulled = 0

    def pulling() -> Iterator[Source]:
        nonlocal pulled
        for source in sources(200):
            pulled += 1
            yield source

    done = 0
    for chunk in encode_sources(pulling(), recorder, workers=2):
        assert pulled - done <= 2 * 3 * 4  # workers, chunks ahead of each, images
        done += len(chunk)
    assert done == 200


def test_bad_and_known_files_take_their_places(recorder: Recorder, read_by: ReadBy) -> None:
    def read(n: int, reserve: ReserveMemory) -> bytes:
        if n % 3 == 1:
            reserve(10**12)  # of which nothing is kept
            raise ImageError("torn", "expected a whole image", "fetch it anew")
        return plain(n, reserve)

    known = {hashlib.sha256(n.to_bytes(2, "big")).digest() for n in range(2, 30, 3)}
    read_by(read)
    entries = [e for c in encode_sources(sources(30), recorder, known.__contains__) for e in c]
    assert [type(entry) for entry in entries] == [Encoded, Failure, Known] * 10
    assert entries[4] == Failure("4.jpg", "torn; expected a whole image")
    assert sum(recorder.batches) == 10


def fail(*arguments: object) -> Any:
    raise ZeroDivisionError("ours")


@pytest.mark.parametrize("where", ["read", "known", "decode", "encode", "sources"])
def test_an_exception_of_any_thread_is_raised(
    where: str, recorder: Recorder, read_by: ReadBy, monkeypatch: pytest.MonkeyPatch
) -> None:
    if where == "read":
        read_by(fail)
    elif where == "decode":
        monkeypatch.setattr(read_files, "decode", fail)
    elif where == "encode":
        monkeypatch.setattr(recorder, "encode", fail)
    given = (Source(f"{n}.jpg") for n in range(40) if where != "sources" or n < 9 or fail())
    known = fail if where == "known" else (lambda sha256: False)
    with pytest.raises(ZeroDivisionError, match="ours"):
        list(encode_sources(given, recorder, known, workers=2))
    assert threads("originid-encode") == []
    join_readers()


def test_what_comes_before_an_exception_is_given(recorder: Recorder, read_by: ReadBy) -> None:
    read_by(lambda n, reserve: plain(n, reserve) if n != 10 else fail())
    stream = encode_sources(sources(40), recorder, workers=2)
    assert numbers([next(stream), next(stream)]) == list(range(8))
    with pytest.raises(ZeroDivisionError):
        next(stream)


def test_ending_early_does_not_wait_for_the_disk(
    recorder: Recorder, read_by: ReadBy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "FILES", 8)
    answers, asked = threading.Event(), threading.Semaphore(0)

    def read(n: int, reserve: ReserveMemory) -> bytes:
        if n >= 4:
            asked.release()
        data = plain(n, reserve)
        if n == 0:  # while three of the other readers hold the room, and four wait for it
            assert all(asked.acquire(timeout=PATIENCE) for _ in range(7))
        if n >= 4:
            assert answers.wait(PATIENCE)
        return data

    read_by(read)
    stream = encode_sources(sources(40), recorder, workers=1)
    assert numbers([next(stream)]) == [0, 1, 2, 3]
    stream.close()
    assert threads("originid-encode") == []
    assert threads("originid-read") != []
    answers.set()
    join_readers()
    assert recorder.decoded == 4


def test_an_interrupt_ends_it_while_the_disk_is_silent(recorder: Recorder, read_by: ReadBy) -> None:
    # As Python begins, unless it was started to ignore it.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    answers, main = threading.Event(), threading.main_thread().ident
    assert main is not None

    def read(n: int, reserve: ReserveMemory) -> bytes:
        if n == 6:
            signal.pthread_kill(main, signal.SIGINT)
        if n >= 4:
            assert answers.wait(PATIENCE)
        return plain(n, reserve)

    read_by(read)
    try:
        with pytest.raises(KeyboardInterrupt):
            list(encode_sources(sources(40), recorder, workers=2))
    finally:
        signal.signal(signal.SIGINT, before)
    assert threads("originid-encode") == []
    assert threads("originid-read") != []
    answers.set()
    join_readers()
