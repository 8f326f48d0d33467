"""Threads, an ordered map over them, and a budget of memory that they share."""

import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from functools import cache
from numbers import Integral
from queue import SimpleQueue
from typing import TypeVar

from threadpoolctl import ThreadpoolController

from originid.errors import InputError

Item = TypeVar("Item")
Result = TypeVar("Result")


class _OneBlasThread:
    """Limits BLAS while at least one thread is in it, and restores what was when the last leaves.

    Contexts of `threadpoolctl` that overlap in time would leave the limit for ever.
    """

    def __init__(self) -> None:
        self._inside = 0
        self._lock = threading.Lock()
        self._limit = ExitStack()

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._limit.enter_context(_blas().limit(limits=1, user_api="blas"))
            self._inside += 1

    def __exit__(self, *exception: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                self._limit.close()


_ONE_BLAS_THREAD = _OneBlasThread()


def one_blas_thread() -> AbstractContextManager[None]:
    """A context in which numpy's products of matrices use one thread each, in all threads.

    For work that keeps all cores busy by itself: BLAS threads beside it would only wait, and spin,
    which can take most of the time. It may be entered by several threads, and again in itself.
    """
    return _ONE_BLAS_THREAD


@cache
def _blas() -> ThreadpoolController:
    """What was loaded with numpy; looking for it takes some milliseconds."""
    return ThreadpoolController()


def map_ordered(
    function: Callable[[Item], Result], items: Iterable[Item], workers: int
) -> Iterator[Result]:
    """Apply a function to items in several threads, and yield the results in order.

    At most 2 x ``workers`` items are begun before their results are taken, so that the results of
    a long stream do not fill the memory.

    Args:
        function: the function to apply; several threads call it at the same time.
        items: the items, which this thread reads one by one.
        workers: the number of threads, at least 1.

    Raises:
        Exception: whatever ``function`` raises, in place of the result.
    """
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
    """A few threads that make the calls given to them, in the order in which they come.

    A call must not raise: an exception would end its thread. Unlike the threads of an executor
    these are daemons, so a disk that never answers does not keep the process from ending.

    Args:
        count: the largest number of threads; each starts only when a call needs it.
        name: the name of the threads, for debuggers.
    """

    def __init__(self, count: int, name: str) -> None:
        self._count, self._name = count, name
        self._calls: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._stopped = False

    def call(self, function: Callable[[], None]) -> None:
        """Queue a call; the next thread that is free makes it.

        Args:
            function: a function without arguments that does not raise.
        """
        self._calls.put(function)
        with self._lock:
            if len(self._threads) < self._count and not self._stopped:
                thread = threading.Thread(target=self._serve, name=self._name, daemon=True)
                thread.start()
                self._threads.append(thread)

    def stop(self, wait: bool) -> None:
        """Drop every call that has not begun.

        Args:
            wait: whether to wait for the calls that have begun.
        """
        with self._lock:
            self._stopped = True
        self._calls.put(None)
        for thread in self._threads if wait else ():
            thread.join()

    def _serve(self) -> None:
        while (function := self._calls.get()) is not None and not self._stopped:
            function()
            del (
                function
            )  # otherwise its arguments, an image perhaps, stay alive until the next call
        self._calls.put(None)  # the end mark goes on to the next thread


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
        """Raise ``CancelledError`` in every thread that waits in `take` or calls it later."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def take(self, size: int) -> None:
        """Wait until enough bytes are free, and take them.

        Args:
            size: the number of bytes, at least 0.

        Raises:
            CancelledError: if the budget is closed.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._fits(size))
            if self._closed:
                raise CancelledError
            self._taken += size

    def free(self, size: int) -> None:
        """Give bytes back to the budget.

        Args:
            size: the number of bytes, which were taken before.
        """
        with self._changed:
            self._taken -= size
            self._changed.notify_all()

    def _fits(self, size: int) -> bool:
        return self._taken == 0 or self._taken + size <= self._size


class Reservation:
    """The bytes of a budget that one holder has taken.

    Args:
        budget: the budget that the bytes come from.
    """

    def __init__(self, budget: MemoryBudget) -> None:
        self._budget, self._size = budget, 0

    def take(self, size: int) -> None:
        """Take bytes as `MemoryBudget.take` does.

        Call it only once for each reservation: two holders that each wait for more bytes, while
        they hold some, could wait for each other forever.

        Args:
            size: the number of bytes, at least 0.

        Raises:
            CancelledError: if the budget is closed.
        """
        self._budget.take(size)
        self._size = size

    def free(self) -> None:
        """Give back what was taken; calling it again does nothing."""
        size, self._size = self._size, 0
        if size:
            self._budget.free(size)


def workers_or_cores(workers: int | None) -> int:
    """The number of workers that was asked for, or one for each core where none was.

    Raises:
        InputError: it is no whole number from 1 on.
    """
    if workers is None:
        return available_cores()
    if not isinstance(workers, Integral) or workers < 1:
        raise InputError(
            f"workers {workers!r}",
            "expected a whole number from 1 on, or None for one for each core",
            "leave it out to use all cores",
        )
    return int(workers)


def available_cores() -> int:
    """Return the number of CPU cores that this process may use, at least 1."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
