"""A connection to a Ray cluster, and what happens when its workers die."""

import logging
import os
import re
import socket
import tempfile
from collections import Counter
from collections.abc import Hashable, Iterator
from contextlib import contextmanager, redirect_stdout
from typing import IO, Any

from originid.errors import ExtraError, InputError, OriginidError
from originid.system.quiet import quiet

try:
    import ray as ray
    import ray.data
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy
except ImportError as error:
    raise ExtraError("work on many GPUs or machines", "ray") from error

TRIES = 3  # workers that may die at one piece of work, as one picture may kill them all
CONNECT = 10.0  # seconds in which a cluster must accept a connection
MOST_SAID = 1_000_000  # bytes that are read of what Ray says while it connects


class Tries:
    """Counts how often each piece of work was begun, because Ray would try it again for ever."""

    def __init__(self) -> None:
        self._count: Counter[Hashable] = Counter()

    def begin(self, piece: Hashable) -> int:
        """Count one more try of a piece, and return the count.

        Args:
            piece: its name or number.
        """
        self._count[piece] += 1
        return self._count[piece]


def count_tries() -> Any:
    """An actor `Tries`, so that all workers see one count. It needs no CPU of its own.

    It lives on the node of this process: where that dies, the job ends anyway.
    """
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    return ray.remote(num_cpus=0, scheduling_strategy=here)(Tries).remote()


def deadly(given: str) -> OriginidError:
    """The error that ends a job because its workers die.

    Args:
        given: what happened.
    """
    return OriginidError(
        given,
        "expected machines with originid, its extras, and enough memory",
        "look at Ray's logs, then run the same command again to continue",
    )


@contextmanager
def cluster() -> Iterator[None]:
    """Connect to a cluster and keep Ray quiet; a connection that was opened here is closed.

    The cluster is the one that this process is connected to, else the one that ``RAY_ADDRESS``
    names, else the one that ``ray start`` began on this machine. If there is none, a cluster of
    this machine alone runs meanwhile. Nothing is printed on standard output meanwhile.

    Raises:
        InputError: there is no cluster at ``RAY_ADDRESS``.
    """
    # Ray tells on standard output, where results stand, which of its workers died; what it holds
    # back of that it prints when the connection is closed.
    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere):
        ours = not ray.is_initialized()
        if ours:
            _connect()
        ray.data.DataContext.get_current().enable_progress_bars = False
        try:
            with quiet("ray.data", level=logging.CRITICAL):  # what fails is raised
                yield
        finally:
            if ours:
                ray.shutdown()


def _connect() -> None:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # Ray must not send statistics
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    address = os.environ.get("RAY_ADDRESS", "")
    said = b""
    try:
        if found := re.fullmatch(r"(?:ray://)?(.+):([0-9]{1,5})", address):
            # Ray itself would try for minutes to connect to an address where nothing is.
            socket.create_connection((found[1], int(found[2])), timeout=CONNECT).close()
        with tempfile.TemporaryFile() as file:
            try:
                with _stderr_in(file):
                    ray.init(log_to_driver=False, logging_level=logging.ERROR)
            finally:
                file.seek(0)
                said = file.read(MOST_SAID)
    except (OSError, OverflowError, ValueError) as error:
        expected = "expected the address of a Ray cluster that runs, or none"
        todo = "check RAY_ADDRESS, and the cluster with `ray status`"
        if b"InvalidAuthToken" in said:
            expected = "expected the token that the cluster asks for"
            todo = "set RAY_AUTH_MODE=token, and RAY_AUTH_TOKEN as where `ray start` ran"
        raise InputError(f"no connection to Ray {address}", expected, todo) from error


@contextmanager
def _stderr_in(file: IO[bytes]) -> Iterator[None]:
    """Let a file take what is written to stderr.

    Ray's native code writes there without Python's streams, so the file descriptor itself is
    replaced.
    """
    kept = os.dup(2)
    os.dup2(file.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
