"""Threads and the room that they share."""

import random
import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError

import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from originid.system.parallel import (
    MemoryBudget,
    Reservation,
    Threads,
    map_ordered,
    one_blas_thread,
)


def test_a_map_keeps_order_and_runs_a_bounded_number_ahead() -> None:
    pulled = 0

    def items() -> Iterator[int]:
        nonlocal pulled
        for n in range(50):
            pulled = n + 1
            yield n

    for done, square in enumerate(map_ordered(lambda n: n * n, items(), workers=3)):
        assert square == done * done
        assert pulled <= done + 6
    assert pulled == 50


@pytest.fixture
def two_threads() -> Iterator[None]:
    """Libraries use two threads; where tests run in several processes, it would be one."""
    with threadpool_limits(2, "blas"):
        yield


def blas_threads() -> list[int]:
    """How many threads each library of products of matrices uses."""
    return [each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"]


def test_products_use_one_thread_within_and_as_many_as_before_after(two_threads: None) -> None:
    before = blas_threads()
    assert set(before) == {2}
    with one_blas_thread():
        assert blas_threads() == [1] * len(before)
        with one_blas_thread():
            assert blas_threads() == [1] * len(before)
        assert blas_threads() == [1] * len(before)
    assert blas_threads() == before


def test_blas_is_as_before_when_the_last_of_several_threads_leaves(two_threads: None) -> None:
    before = blas_threads()
    first, second = one_blas_thread(), one_blas_thread()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert blas_threads() == [1] * len(before)
    second.__exit__(None, None, None)
    assert blas_threads() == before
    with pytest.raises(KeyError), one_blas_thread():
        raise KeyError
    assert blas_threads() == before


def test_together_they_never_hold_more_than_the_room_or_one_request() -> None:
    room, lock = MemoryBudget(100), threading.Lock()
    held = peak = 0

    def work(seed: int) -> None:
        nonlocal held, peak
        rng = random.Random(seed)
        for _ in range(200):
            size = rng.choice([1, 10, 40, 60, 250])
            share = Reservation(room)
            share.take(size)
            with lock:
                held += size
                peak = max(peak, held)
                assert held <= 100 or held == size
            with lock:
                held -= size
            share.free()
            share.free()  # the second does nothing

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert held == 0
    assert peak == 250
    room.take(100)  # all of it was given back


def test_closing_a_room_sends_away_who_waits_and_who_comes() -> None:
    room = MemoryBudget(10)
    room.take(10)
    sent_away = threading.Event()

    def wait() -> None:
        with pytest.raises(CancelledError):
            room.take(1)
        sent_away.set()

    thread = threading.Thread(target=wait)
    thread.start()
    room.close()
    thread.join()
    assert sent_away.is_set()
    with pytest.raises(CancelledError):
        room.take(0)


def test_threads_are_no_more_than_asked_and_end() -> None:
    threads, met = Threads(3, "test-threads"), threading.Barrier(4)

    def meet() -> None:
        met.wait(30)

    for _ in range(3):
        threads.call(meet)
    met.wait(30)  # three calls run at once
    names: set[str] = set()
    for _ in range(20):
        threads.call(lambda: names.add(threading.current_thread().name))
    alive = [t for t in threading.enumerate() if t.name == "test-threads"]
    assert len(alive) <= 3
    threads.stop(wait=True)
    assert not any(thread.is_alive() for thread in alive)
    threads.call(lambda: names.add("too late"))
    assert "too late" not in names
