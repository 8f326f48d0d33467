"""Tells the C library to keep memory that a network on the CPU frees and soon asks for again."""

import ctypes

MAPPED = 128 << 20  # bytes; a single allocation of at least this size is still given back at once
KEPT = 1 << 30  # bytes of freed memory that are kept at most
TRIM_THRESHOLD, MMAP_THRESHOLD, ARENA_MAX = -1, -3, -8  # the numbers of the options of mallopt(3)


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
