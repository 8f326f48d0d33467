"""Memory that a network on a CPU frees and asks for again."""

import ctypes

MAPPED = 128 << 20  # bytes of an allocation that is still given back at once
KEPT = 1 << 30  # bytes that are kept at most
TRIM_THRESHOLD, MMAP_THRESHOLD, ARENA_MAX = -1, -3, -8  # of mallopt(3)


def keep_freed_memory(device: str) -> None:
    """Let this process keep up to 1 GiB of what it frees, where the C library is glibc.

    Layers free tens of megabytes and ask for as many at once. Given back to the system each time,
    every page comes back empty, which costs a sixth of encoding with a small VAE and a ninth of
    training a small network: ``python benchmarks/freed_memory.py``.

    Args:
        device: what the network runs on; nothing is changed unless it is ``cpu``.
    """
    if device != "cpu":
        return
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # musl, macOS, Windows
        return
    mallopt(MMAP_THRESHOLD, MAPPED)
    mallopt(TRIM_THRESHOLD, KEPT)
    # The heap of another arena is given back as soon as it is empty, whatever the thresholds.
    mallopt(ARENA_MAX, 1)
