"""Where requests are worked on: a few at a time, like ones together, and only some may wait."""

import asyncio
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Hashable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from originid.service.errors import ApiError
from originid.system.parallel import available_cores

Item = TypeVar("Item")
Result = TypeVar("Result")
MOST_TOGETHER = 16  # a search of more together is hardly quicker, and the first would wait for all


@dataclass(frozen=True)
class Waiting(Generic[Item, Result]):
    """What waits to be worked on, and where its result is put."""

    item: Item
    result: Future[Result]


class Desk:
    """Works on requests in threads.

    Args:
        workers: threads; 0 is one for each core.
        waiting: requests that may wait for a thread.
    """

    def __init__(self, workers: int, waiting: int) -> None:
        self._workers = workers or available_cores()
        self._most = self._workers + waiting
        self._pool = ThreadPoolExecutor(self._workers, "originid-desk")
        self._lock = threading.Lock()
        self._alike: defaultdict[Hashable, deque[Waiting[Any, Any]]] = defaultdict(deque)
        self.busy = 0

    async def work(self, call: Callable[[], Result]) -> Result:
        """Call a function in a thread, and return what it returns.

        Raises:
            ApiError: too many requests wait already.
        """
        self._enter()
        future = self._pool.submit(call)
        # The place is free when the thread is done, also if the client left before.
        future.add_done_callback(lambda _: self._leave())
        return await asyncio.wrap_future(future)

    async def work_together(
        self, kind: Hashable, item: Item, call: Callable[[list[Item]], Iterable[Result]]
    ) -> Result:
        """Return the result for an item, which is worked on with others of its kind that wait.

        Args:
            kind: what items must have in common; ``call`` is the same for all of a kind.
            item: what is worked on.
            call: takes items, and gives a result for each, in order. If it raises, the items that
                have no result yet are given to it one by one, so that none fails for another.

        Raises:
            ApiError: too many requests wait already.
        """
        self._enter()
        future: Future[Result] = Future()
        future.add_done_callback(lambda _: self._leave())
        with self._lock:
            self._alike[kind].append(Waiting(item, future))
        self._pool.submit(self._work_on, kind, call)
        return await asyncio.wrap_future(future)

    def close(self) -> None:
        """Let what has begun come to its end, and begin nothing more."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        for waiting in self._alike.values():
            for each in waiting:
                each.result.cancel()

    def _work_on(self, kind: Hashable, call: Callable[[list[Any]], Iterable[Any]]) -> None:
        """Work on a fair share of what waits of a kind; others may have taken all of it."""
        with self._lock:
            waiting = self._alike[kind]
            share = min(-(-len(waiting) // self._workers), MOST_TOGETHER)
            taken = [waiting.popleft() for _ in range(share)]
            if not waiting:
                del self._alike[kind]
        # The client of one that is cancelled has left.
        taken = [each for each in taken if each.result.set_running_or_notify_cancel()]
        done = 0
        try:
            for each, result in zip(taken, call([each.item for each in taken]), strict=True):
                each.result.set_result(result)
                done += 1
        except BaseException as error:
            _fail_or_repeat(taken[done:], call, error)

    def _enter(self) -> None:
        with self._lock:
            if self.busy >= self._most:
                raise ApiError(
                    429,
                    "too many requests at once",
                    f"expected at most {self._most} at work or waiting",
                    "ask again later, one after the other",
                    retry_after=1,
                )
            self.busy += 1

    def _leave(self) -> None:
        with self._lock:
            self.busy -= 1


def _fail_or_repeat(
    taken: list[Waiting[Item, Result]],
    call: Callable[[list[Item]], Iterable[Result]],
    error: BaseException,
) -> None:
    """Give the one item that was worked on its error; work on each of several by itself."""
    if len(taken) == 1:
        taken[0].result.set_exception(error)
        return
    for each in taken:
        try:
            (result,) = call([each.item])
        except BaseException as own:
            each.result.set_exception(own)
        else:
            each.result.set_result(result)
