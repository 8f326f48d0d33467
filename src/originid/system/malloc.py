"""What the system is told of memory: to keep what is freed, and to use large pages."""

import ctypes
import sys

import numpy as np
from numpy.typing import NDArray

MAPPED = 128 << 20  # bytes; a single allocation of at least this size is still given back at once
KEPT = 1 << 30  # bytes of freed memory that are kept at most
TRIM_THRESHOLD, MMAP_THRESHOLD, ARENA_MAX = -1, -3, -8  # the numbers of the options of mallopt(3)

HUGE_PAGES, COLLAPSE = 14, 25  # the numbers of the advice of madvise(2)
LARGE = 2 << 20  # bytes of a large page


def keep_freed_memory(device: str) -> None:
    """Let this process keep up to 1 GiB of the memory that it frees.

    Each layer of a network frees tens of megabytes, and the next layer asks for as many. If they
    go back to the system each time, the system has to clear every page again. That costs a sixth
    of the time of encoding with a small VAE, and a ninth of the time of training a small network
    (``python benchmarks/freed_memory.py``). Only the C library glibc can be told to keep memory;
    with any other this function does nothing.

    Args:
        device: the device that the network runs on, such as ``cpu`` or ``cuda``; nothing is
            changed unless it is ``cpu``.
    """
    if device != "cpu":
        return
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # musl, macOS, Windows
        return
    mallopt(MMAP_THRESHOLD, MAPPED)
    mallopt(TRIM_THRESHOLD, KEPT)
    # With several arenas the thresholds would not help: glibc gives the memory of every arena but
    # the first back as soon as it is empty.
    mallopt(ARENA_MAX, 1)


def prefer_large_pages(memory: NDArray[np.uint8]) -> None:
    """Let the system hold an array in pages of 2 MB, as numpy asks for its own large arrays.

    A scan of 26 MB that nothing had read for a while takes half as long: the processor has to look
    up 13 addresses instead of 6,500. Only Linux can be told; elsewhere, and where it refuses,
    nothing happens.
    """
    if sys.platform != "linux":
        return
    address = memory.__array_interface__["data"][0]
    start = -(-address // LARGE) * LARGE
    length = (address + memory.nbytes) // LARGE * LARGE - start
    if length <= 0:
        return
    try:
        madvise = ctypes.CDLL(None).madvise
    except (AttributeError, OSError):
        return
    for advice in (HUGE_PAGES, COLLAPSE):  # the second for pages that are there already
        madvise(ctypes.c_void_p(start), ctypes.c_size_t(length), advice)
