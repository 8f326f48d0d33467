"""Threads: how many, an ordered map over them, and the room that they share."""

import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from queue import SimpleQueue
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def map_ordered(
    function: Callable[[Item], Result], items: Iterable[Item], workers: int
) -> Iterator[Result]:
    """Apply a function in threads, yielding results in order, at most 2 x workers ahead."""
    pool = ThreadPoolExecutor(workers)
    pending: deque[Future[Result]] = deque()
    try:
        for item in items:
            pending.append(pool.submit(function, item))
            if len(pending) >= 2 * workers:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


class Threads:
    """Up to ``count`` threads that make the calls given to them, first come, first served.

    A call that raises would end its thread, so it must not. Unlike those of an executor these
    threads are daemons: a disk that never answers does not keep the process from ending.
    """

    def __init__(self, count: int, name: str) -> None:
        self._count, self._name = count, name
        self._calls: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._stopped = False

    def call(self, function: Callable[[], None]) -> None:
        """Make a call when a thread is free."""
        self._calls.put(function)
        with self._lock:
            if len(self._threads) < self._count and not self._stopped:
                thread = threading.Thread(target=self._serve, name=self._name, daemon=True)
                thread.start()
                self._threads.append(thread)

    def stop(self, wait: bool) -> None:
        """Drop the calls that have not begun; on request wait for those that have."""
        with self._lock:
            self._stopped = True
        self._calls.put(None)
        for thread in self._threads if wait else ():
            thread.join()

    def _serve(self) -> None:
        while (function := self._calls.get()) is not None and not self._stopped:
            function()
            del function  # what it holds is not to outlive it
        self._calls.put(None)  # for the next thread


class MemoryBudget:
    """A number of bytes that threads share; a request for more than is free blocks.

    A request that is larger than the whole budget runs alone, so that it can run at all. Together
    the threads never hold more than the larger of the budget and one request.

    Args:
        size: the whole budget in bytes.
    """

    def __init__(self, size: int) -> None:
        self._size, self._taken, self._closed = size, 0, False
        self._changed = threading.Condition()

    def close(self) -> None:
        """End all waiting: a thread that waits, or asks later, gets a ``CancelledError``."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def take(self, size: int) -> None:
        """Wait until this many bytes are free, and take them."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._fits(size))
            if self._closed:
                raise CancelledError
            self._taken += size

    def free(self, size: int) -> None:
        """Give bytes back."""
        with self._changed:
            self._taken -= size
            self._changed.notify_all()

    def _fits(self, size: int) -> bool:
        return self._taken == 0 or self._taken + size <= self._size


class Reservation:
    """The bytes of a budget that one holder has taken."""

    def __init__(self, budget: MemoryBudget) -> None:
        self._budget, self._size = budget, 0

    def take(self, size: int) -> None:
        """Take bytes as `MemoryBudget.take` does.

        Call it once for each reservation: a holder that waits for more could wait forever.
        """
        self._budget.take(size)
        self._size = size

    def free(self) -> None:
        """Give back what was taken; calling it again does nothing."""
        size, self._size = self._size, 0
        if size:
            self._budget.free(size)


def available_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
