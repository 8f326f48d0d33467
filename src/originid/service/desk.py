"""Where requests are worked on: a few at a time, some that wait, and no more."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from originid.service.errors import ApiError
from originid.system.parallel import available_cores

Result = TypeVar("Result")


class Desk:
    """Works on requests in threads.

    Args:
        workers: threads; 0 is one for each core.
        waiting: requests that may wait for a thread.
    """

    def __init__(self, workers: int, waiting: int) -> None:
        count = workers or available_cores()
        self._most = count + waiting
        self._pool = ThreadPoolExecutor(count, "originid-desk")
        self._lock = threading.Lock()
        self.busy = 0

    async def work(self, call: Callable[[], Result]) -> Result:
        """Call a function in a thread, and return what it returns.

        Raises:
            ApiError: too many requests wait already.
        """
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
        # The place is free when the thread is done, also if the client left before.
        future = self._pool.submit(call)
        future.add_done_callback(lambda _: self._leave())
        return await asyncio.wrap_future(future)

    def close(self) -> None:
        """Let what has begun come to its end, and begin nothing more."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _leave(self) -> None:
        with self._lock:
            self.busy -= 1
