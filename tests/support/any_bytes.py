"""Any bytes for what reads files, and what must hold then.

``ORIGINID_FUZZ=100 pytest tests/fuzzing`` tries a hundred times as many files, and other ones in
each run.
"""

import os
import struct
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from originid.errors import OriginidError
from originid.system.account_key import key_file

TIMES = int(os.environ.get("ORIGINID_FUZZ", "1"))
LIMIT = 5.0  # seconds of a core for one file
HANGS = 60.0  # seconds on the clock, where nothing else may be the reason


def fuzz(examples: int) -> Callable[[Any], Any]:
    """The settings of a test: so many examples, and more where that is asked for."""
    return settings(
        max_examples=examples * TIMES,
        derandomize=TIMES == 1,
        database=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )


@contextmanager
def ours_only() -> Iterator[None]:
    """Let only our errors pass, and nothing that takes too long."""
    start, clock, said = time.process_time(), time.monotonic(), ""
    try:
        yield
    except OriginidError as error:
        said = str(error)
    assert len(said) < 5000
    assert time.process_time() - start < LIMIT
    assert time.monotonic() - clock < HANGS


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from([10**30, -1, 0, 1e308, 5e-324, "onnx:/etc/passwd", "pixels", "\ud800", ""]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)

EXTREMES = [
    struct.pack(order + kind, value % 256**size)
    for order in "<>"
    for kind, size in (("H", 2), ("I", 4), ("Q", 8))
    for value in (0, 1, 2, 255, 65535, 2**31 - 1, 2**31, 2**32 - 1, -1, 1 << (8 * size - 1))
]
"""Numbers at which programs go wrong, as bytes."""
NEAR = 64  # bytes from the beginning or the end, where headers and lists of contents are


@st.composite
def damaged(draw: st.DrawFn, data: bytes) -> bytes:
    """A file with some bytes changed, left out, repeated or put in, or cut short."""
    for _ in range(draw(st.integers(1, 4))):
        size = len(data)
        near = min(NEAR, size)
        at = draw(st.integers(0, size) | st.integers(0, near) | st.integers(size - near, size))
        how = draw(st.sampled_from(["number", "number", "bytes", "repeat", "end"]))
        if how == "number":
            new = draw(st.sampled_from(EXTREMES))
            data = data[:at] + new + data[at + len(new) :]
        elif how == "end":
            data = data[:at]
        else:
            end = min(size, at + draw(st.integers(0, 40)))
            new = data[at:end] * 2 if how == "repeat" else draw(st.binary(max_size=12))
            data = data[:at] + new + data[end:]
    return data


def places(value: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to each value inside of a JSON value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    for key, each in inner:
        yield (*way, key)
        if isinstance(each, dict | list):
            yield from places(each, (*way, key))


@st.composite
def with_any_value(draw: st.DrawFn, value: Any) -> Any:
    """Put any JSON value into any place of a JSON value, which is changed."""
    way = draw(st.sampled_from(list(places(value))))
    place = value
    for key in way[:-1]:
        place = place[key]
    place[way[-1]] = draw(JSON)
    return value


_touched: list[str] | None = None
CHANGES = ("os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.chmod")
OF_PYTHON = tuple(
    os.path.realpath(path) for path in (*filter(None, sys.path), sys.prefix, sys.base_prefix)
)


def _note(event: str, arguments: tuple[Any, ...]) -> None:
    if _touched is None:
        return
    if event == "open" and isinstance(arguments[0], str | bytes | os.PathLike):
        path = os.path.realpath(os.fsdecode(arguments[0]))
        writes = isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        if writes or not path.startswith((*OF_PYTHON, "/proc/", "/sys/")):
            _touched.append(path)
    elif event in CHANGES:
        _touched.extend(
            os.path.realpath(os.fsdecode(each))
            for each in arguments
            if isinstance(each, str | bytes | os.PathLike)
        )
    elif event.startswith(("subprocess.", "socket.", "os.exec", "os.system", "ctypes.dlopen")):
        _touched.append(event)


sys.addaudithook(_note)  # it stays until the process ends


@contextmanager
def only_inside(folder: Path, *read: Path) -> Iterator[None]:
    """Let no file outside of a folder be opened or changed, but those of Python for reading.

    The key of the account may be read too: by it a collection knows its own folders.

    What SQLite opens by itself is not seen.

    Args:
        folder: in which all is allowed.
        read: further folders, whose files may be opened.
    """
    global _touched
    _touched = []
    try:
        yield
    finally:
        touched, _touched = _touched, None
    allowed = (folder, key_file(), *read)
    inside = tuple(os.path.realpath(each) + os.sep for each in allowed)
    assert [path for path in touched if not (path + os.sep).startswith(inside)] == []
